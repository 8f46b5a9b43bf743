-- What this participant has recorded of each order: the memory that gives the same answer to the same command.
create table reservations (
  order_id uuid primary key,
  outcome text not null check (outcome in ('reserved', 'rejected', 'cancelled')),
  resource text not null,
  quantity bigint not null check (quantity > 0),
  recorded_at timestamptz not null default now(),
  cancelled_at timestamptz
) with (fillfactor = 90);
