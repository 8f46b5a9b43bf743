-- Sessions that ended before their access tokens did. Every service refuses the tokens of these; a row is deleted when the
-- last access token of its session has expired.
create table ended_sessions (
  session uuid primary key,
  ended_at timestamptz not null,
  -- No access token of the session is valid after this.
  tokens_until timestamptz not null
);
create index ended_sessions_by_end on ended_sessions (tokens_until);
