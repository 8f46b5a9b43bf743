-- What an order wants besides money, in one column, so that a further field needs none; and the steps of the saga that were in
-- force when it was accepted: of all orders from before these three.
alter table orders
  add column details jsonb,
  add column steps jsonb not null default '["money", "item", "slot"]';

update orders set details = jsonb_build_object('item', item, 'slot', slot);

alter table orders
  alter column details set not null,
  drop column item,
  drop column slot;
