create table slots (
  time text primary key,
  capacity bigint not null check (capacity between 0 and 9007199254740991)
) with (fillfactor = 50);

-- What this participant has recorded of each order: the memory that gives the same answer to the same command.
create table reservations (
  order_id uuid primary key,
  outcome text not null check (outcome in ('reserved', 'rejected', 'cancelled')),
  resource text not null,
  quantity bigint not null check (quantity > 0),
  recorded_at timestamptz not null default now(),
  cancelled_at timestamptz
) with (fillfactor = 90);
