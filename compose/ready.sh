#!/usr/bin/env bash
# The health check of a service's container: succeeds if /readyz does, and prints its reasons, which `docker inspect` shows.
# In bash, since starting Node or Deno every few seconds would cost a hundred times more.
exec 3<>"/dev/tcp/127.0.0.1/$INTERNAL_PORT"
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3
tail -n 1 <&3
[[ $status == 200 ]]
