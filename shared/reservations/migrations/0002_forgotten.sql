-- How far this participant has forgotten: the records of all orders below `before`, but for those of the spared ones.
create table forgotten (
  one boolean primary key default true check (one),
  before uuid not null,
  spared uuid[] not null
);
insert into forgotten (before, spared) values ('00000000-0000-0000-0000-000000000000', '{}');
