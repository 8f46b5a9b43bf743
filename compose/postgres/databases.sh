#!/usr/bin/env bash
# A database and a role for each service that has a password here. A role owns its database and cannot even connect to
# another's. Run at the very first start, and by hand when a service was added; what is there stays.
set -euo pipefail

psql=(psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres)

"${psql[@]}" --command 'revoke connect on database postgres, template1 from public'
for file in /run/secrets/*.password; do
  name=$(basename "$file" .password)
  [[ $name != superuser ]] || continue
  "${psql[@]}" --set name="$name" --set password="$(cat "$file")" <<'SQL'
select format('create role %I login password %L', :'name', :'password')
  where not exists (select from pg_roles where rolname = :'name') \gexec
select format('create database %I owner %I', :'name', :'name')
  where not exists (select from pg_database where datname = :'name') \gexec
revoke all on database :"name" from public;
SQL
done
