-- Sessions that ended before their access tokens did. Every service refuses the tokens of these; a row is deleted when the
-- last access token of its session has expired.
create table ended_sessions (
  session uuid primary key,
  ended_at timestamptz not null,
  -- No access token of the session is valid after this.
  tokens_until timestamptz not null,
  -- Who has read up to a snapshot goes on with the transactions that were not over in it, by which nothing is missed, in
  -- whatever order they commit, and whatever the clocks of the writers say.
  ended_in xid8 not null default pg_current_xact_id()
);
create index ended_sessions_by_transaction on ended_sessions (ended_in);
create index ended_sessions_by_end on ended_sessions (tokens_until);
