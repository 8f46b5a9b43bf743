-- What an order wants besides money, in one column, so that a further field needs none; and the steps of the saga that were
-- in force when it was accepted: of all orders from before these three. The slot's column becomes that of all details, as
-- that writes the table anew once; an update of all rows would leave it twice as large.
alter table orders
  add column steps jsonb not null default '["money", "item", "slot"]',
  alter column slot type jsonb using jsonb_build_object('item', item, 'slot', slot);
alter table orders rename column slot to details;
alter table orders drop column item, alter column steps drop default;
