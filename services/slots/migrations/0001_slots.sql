create table slots (
  time text primary key,
  capacity bigint not null check (capacity between 0 and 9007199254740991)
) with (fillfactor = 50);
