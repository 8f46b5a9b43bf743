-- What operators look for among all orders. An order that completes costs these indexes one entry, by its item, when it is
-- final; one that fails, of which there are fewer, four more. What is not final is found by orders_to_publish, and all else
-- newest first by the ids.
create index orders_of_item on orders ((details ->> 'item'), id) where publish_at is null;
create index orders_undone on orders (id) where status in ('compensating', 'failed');
create index orders_with_reason on orders (reason, id) where reason is not null;
create index orders_stuck on orders (id) where stuck is not null;
-- How many orders ended when, how and why, for a day: a row for each batch of decisions, and for each minute once it is over.
create table order_ends (
  ended_at timestamptz not null,
  status text not null,
  reason text,
  count integer not null
);
insert into order_ends
select date_trunc('minute', decided_at), status, reason, count(*) from orders
where decided_at >= now() - interval '1 day' group by 1, 2, 3;
