-- Wallets hold minor units. The check is the last line of defence; the code never relies on it.
create table accounts (
  username text primary key,
  email text not null,
  wallet bigint not null check (wallet between 0 and 9007199254740991),
  opened_at timestamptz not null default now()
) with (fillfactor = 80);
