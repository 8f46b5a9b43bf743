-- Since when a session lasts, which bounds it however often it is refreshed; and when the last of its access tokens expires.
-- Of sessions from before it is known that they were there when they were last used; their tokens name no session.
alter table sessions
  add column created_at timestamptz not null default now(),
  add column tokens_until timestamptz not null default now() + interval '1 day';
update sessions set created_at = rotated_at;

-- An account is closed by its owner: nobody logs in any more. The row stays for ever, since nobody may sign up with a name that
-- has orders; what it says of the person is erased when no token of theirs is valid any more and no order is unfinished.
alter table users
  add column closed_at timestamptz,
  add column erase_at timestamptz;
create index users_to_erase on users (erase_at) where erase_at is not null;

-- Who did what, from where, when, and how it ended. A row with a count above one stands for as many events of which nothing
-- more is known than what it says.
create table audit_trail (
  id uuid primary key,
  at timestamptz not null,
  event text not null,
  outcome text not null check (outcome in ('done', 'refused', 'failed')),
  reason text,
  username text,
  address text,
  session uuid,
  request text,
  count int not null default 1 check (count > 0)
);
create index audit_trail_by_time on audit_trail (at);
create index audit_trail_of_user on audit_trail (username, at) where username is not null;
create index audit_trail_of_address on audit_trail (address, at) where address is not null;
