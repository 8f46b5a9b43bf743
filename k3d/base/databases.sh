#!/usr/bin/env bash
# At the very first start: a database and a role for each service. A role owns its database and can't even connect to
# another's.
set -euo pipefail

psql=(psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres)

"${psql[@]}" --command 'revoke connect on database postgres, template1 from public'
for name in auth billing items orders slots; do
  "${psql[@]}" --set name="$name" --set password="$(cat "/run/secrets/$name.password")" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke all on database :"name" from public;
SQL
done
