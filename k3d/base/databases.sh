#!/usr/bin/env bash
# Creates a database and a role for each service that has a password here. A role owns its database and cannot even connect
# to others. Runs at the first start, and by hand after a service was added or a password changed; existing databases stay,
# and every role gets the password that is here.
set -euo pipefail

psql=(psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres)

"${psql[@]}" --command 'revoke connect on database postgres, template1 from public'
for file in /run/secrets/*.password; do
  name=$(basename "$file" .password)
  # From its file: everybody on the machine can read a command's arguments.
  export file name
  if [[ $name == superuser ]]; then
    "${psql[@]}" <<'SQL'
\set password `cat "$file"`
select format('alter role %I password %L', current_user, :'password') \gexec
SQL
    continue
  fi
  "${psql[@]}" <<'SQL'
\set name `echo "$name"`
\set password `cat "$file"`
select format('create role %I login', :'name')
  where not exists (select from pg_roles where rolname = :'name') \gexec
select format('alter role %I password %L', :'name', :'password') \gexec
select format('create database %I owner %I', :'name', :'name')
  where not exists (select from pg_database where datname = :'name') \gexec
revoke all on database :"name" from public;
SQL
done
