-- What no two users may have in common: the name without its case, and what it looks like (names.ts). Null in rows of a
-- release before; auth fills them in. Not unique: names that were there before stay, alike or not.
alter table users add column folded text, add column look text;
create index users_by_folded on users (folded);
create index users_by_look on users (look);
create index users_without_keys on users (username) where folded is null;
