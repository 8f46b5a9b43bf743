-- The orders whose idempotency keys are to be forgotten when they are old enough: final, with a key, oldest first.
create index orders_with_key on orders (id) where idempotency_key is not null and publish_at is null;
