-- What the audit holds the books to: opening = wallet + what orders hold + consumed. To change the wallet by hand, change
-- the opening by as much.
alter table accounts
  -- What the account started with.
  add column opening bigint check (opening between 0 and 9007199254740991),
  -- What completed orders took whose records are forgotten by now.
  add column consumed bigint not null default 0 check (consumed between 0 and 9007199254740991);

update accounts set opening = wallet;

-- A first start has no reservations yet, not even their table.
do $$
begin
  if to_regclass('reservations') is not null then
    update accounts set opening = wallet + held
    from (select resource, sum(quantity) as held from reservations
      where outcome = 'reserved' group by resource) holds
    where resource = username;
  end if;
end
$$;

-- Whoever makes a row need not know of it: what it starts with is its wallet.
create or replace function open_with_wallet() returns trigger language plpgsql as $$
begin
  new.opening := coalesce(new.opening, new.wallet);
  return new;
end
$$;
create trigger open_with_wallet before insert on accounts
  for each row execute function open_with_wallet();

alter table accounts alter column opening set not null;
