-- A user is pending until billing has opened the account; only an active one can log in. `attempt` names the sign-up that
-- wrote the row last: it alone may activate it.
create table users (
  username text primary key,
  email text not null,
  password_hash text not null,
  attempt uuid not null,
  active boolean not null default false,
  written_at timestamptz not null
);
create index pending_users on users (written_at) where not active;

-- One row for each log-in, whatever the number of its refreshes. A refresh token names its session and generation.
create table sessions (
  id uuid primary key,
  username text not null references users (username),
  address text not null,
  generation int not null default 0,
  rotated_at timestamptz not null,
  expires_at timestamptz not null
);
create index sessions_of_user on sessions (username, address);
create index sessions_by_expiry on sessions (expires_at);

-- Who may sign when follows from the age of the keys alone: see key-rotation.ts.
create table signing_keys (
  kid text primary key,
  private_key jsonb not null,
  created_at timestamptz not null
);
