-- Wallets hold minor units. The check is the last line of defence; the code never relies on it.
create table accounts (
  username text primary key,
  email text not null,
  wallet bigint not null check (wallet between 0 and 9007199254740991),
  opened_at timestamptz not null default now()
) with (fillfactor = 80);

-- What this participant has recorded of each order: the memory that gives the same answer to the same command.
create table reservations (
  order_id uuid primary key,
  outcome text not null check (outcome in ('reserved', 'rejected', 'cancelled')),
  resource text not null,
  quantity bigint not null check (quantity > 0),
  recorded_at timestamptz not null default now(),
  cancelled_at timestamptz
) with (fillfactor = 90);
