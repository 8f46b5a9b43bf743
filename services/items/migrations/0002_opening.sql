-- What the audit holds the books to: opening = stock + what orders hold + consumed. To change the stock by hand, change
-- the opening by as much.
alter table items
  -- What the item started with.
  add column opening bigint check (opening between 0 and 9007199254740991),
  -- What completed orders took whose records are forgotten by now.
  add column consumed bigint not null default 0 check (consumed between 0 and 9007199254740991);

update items set opening = stock;

-- A first start has no reservations yet, not even their table.
do $$
begin
  if to_regclass('reservations') is not null then
    update items set opening = stock + held
    from (select resource, sum(quantity) as held from reservations
      where outcome = 'reserved' group by resource) holds
    where resource = id;
  end if;
end
$$;

-- Whoever makes a row need not know of it: what it starts with is its stock.
create or replace function open_with_stock() returns trigger language plpgsql as $$
begin
  new.opening := coalesce(new.opening, new.stock);
  return new;
end
$$;
create trigger open_with_stock before insert on items
  for each row execute function open_with_stock();

alter table items alter column opening set not null;
