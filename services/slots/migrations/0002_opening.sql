-- What the audit holds the books to: opening = capacity + what orders hold + consumed. To change the capacity by hand, change
-- the opening by as much.
alter table slots
  -- What the slot started with.
  add column opening bigint check (opening between 0 and 9007199254740991),
  -- What completed orders took whose records are forgotten by now.
  add column consumed bigint not null default 0 check (consumed between 0 and 9007199254740991);

update slots set opening = capacity;

-- A first start has no reservations yet, not even their table.
do $$
begin
  if to_regclass('reservations') is not null then
    update slots set opening = capacity + held
    from (select resource, sum(quantity) as held from reservations
      where outcome = 'reserved' group by resource) holds
    where resource = time;
  end if;
end
$$;

-- Whoever makes a row need not know of it: what it starts with is its capacity.
create or replace function open_with_capacity() returns trigger language plpgsql as $$
begin
  new.opening := coalesce(new.opening, new.capacity);
  return new;
end
$$;
create trigger open_with_capacity before insert on slots
  for each row execute function open_with_capacity();

alter table slots alter column opening set not null;
