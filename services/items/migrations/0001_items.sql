-- The id is a text, as the participant protocol names resources by texts.
create table items (
  id text primary key,
  name text not null,
  stock bigint not null check (stock between 0 and 9007199254740991)
) with (fillfactor = 50);
