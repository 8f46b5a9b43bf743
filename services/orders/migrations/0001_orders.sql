-- The record of every order; the queue is only its cache of work.
create table orders (
  id uuid primary key,
  username text not null,
  amount bigint not null check (amount > 0),
  item integer not null,
  slot text not null,
  status text not null default 'pending'
    check (status in ('pending', 'completed', 'compensating', 'failed')),
  reason text,
  created_at timestamptz not null,
  decided_at timestamptz,
  timeline jsonb not null default '[]',
  -- What a compensation that does not get through waits for.
  stuck jsonb,
  idempotency_key text,
  traceparent text,
  -- How often the order was put on the queue again, and when the next time comes; null once the order is final.
  republished integer not null default 0,
  publish_at timestamptz,
  check ((status in ('completed', 'failed')) = (decided_at is not null)),
  check ((decided_at is null) = (publish_at is not null))
) with (fillfactor = 85);

create index orders_of_user on orders (username, id);
create unique index orders_by_idempotency_key on orders (username, idempotency_key)
  where idempotency_key is not null;
create index orders_to_publish on orders (publish_at) where publish_at is not null;
