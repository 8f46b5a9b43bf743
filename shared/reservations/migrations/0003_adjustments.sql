-- The operators' changes of what is left: what was written here was added to the balance in the same transaction, once. The
-- books count on every row, so none is ever deleted.
create table adjustments (
  number bigint generated always as identity primary key,
  operator text not null,
  idempotency_key text not null,
  resource text not null,
  change bigint not null check (change <> 0),
  -- What was left after it.
  balance bigint not null check (balance >= 0),
  reason text not null,
  adjusted_at timestamptz not null,
  unique (operator, idempotency_key)
);
create index adjustments_of_resource on adjustments (resource, number) include (change);
