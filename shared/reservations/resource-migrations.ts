/**
 * The migrations that participants share, except for names. Like files, the texts are never edited
 * once they were applied: their checksums are on record.
 */
import type { Migration } from "#shared/postgres/migrate.ts"
import type { Resources } from "./reservations-sql.ts"

/** A table of resources that have nothing but a name and a balance. */
export const tableMigration = ({ table, key, balance }: Resources): Migration => ({
  name: `0001_${table}.sql`,
  text: `create table ${table} (
  ${key} text primary key,
  ${balance} bigint not null check (${balance} between 0 and 9007199254740991)
) with (fillfactor = 50);
`,
})

interface NamedResources extends Resources {
  /** What a resource is called, such as "item". */
  readonly one: string
}

/** What is added to every table of resources. */
export const resourceMigrations = (resources: NamedResources): ReadonlyArray<Migration> => [
  openingMigration(resources),
  namesMigration(resources),
]

/** What each resource started with, for the audit. */
export const openingMigration = (
  { table, key, balance, one }: NamedResources,
): Migration => ({
  name: "0002_opening.sql",
  text: `-- What the audit holds the books to: opening = ${balance} + what orders hold + consumed. \
To change the ${balance} by hand, change
-- the opening by as much.
alter table ${table}
  -- What the ${one} started with.
  add column opening bigint check (opening between 0 and 9007199254740991),
  -- What completed orders took whose records are forgotten by now.
  add column consumed bigint not null default 0 check (consumed between 0 and 9007199254740991);

update ${table} set opening = ${balance};

-- A first start has no reservations yet, not even their table.
do $$
begin
  if to_regclass('reservations') is not null then
    update ${table} set opening = ${balance} + held
    from (select resource, sum(quantity) as held from reservations
      where outcome = 'reserved' group by resource) holds
    where resource = ${key};
  end if;
end
$$;

-- Whoever makes a row need not know of it: what it starts with is its ${balance}.
create or replace function open_with_${balance}() returns trigger language plpgsql as $$
begin
  new.opening := coalesce(new.opening, new.${balance});
  return new;
end
$$;
create trigger open_with_${balance} before insert on ${table}
  for each row execute function open_with_${balance}();

alter table ${table} alter column opening set not null;
`,
})

/** The index for searches by the beginning of a name, whatever the collation of the database. */
const namesMigration = ({ table, key }: Resources): Migration => ({
  name: "0004_names.sql",
  text: `create index ${table}_names on ${table} (${key} collate "C");
`,
})
