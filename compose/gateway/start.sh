#!/bin/sh
# Writes the settings into nginx's configuration, says that the system is ready, and runs nginx.
set -e
cd /etc/nginx/gateway
if [ "$GATEWAY_SCHEME" = https ] && [ -z "$GATEWAY_CERTIFICATE" ]; then sh certificate.sh; fi
names=$(env | sed -n 's/^\(GATEWAY_[A-Z_]*\)=.*/${\1}/p')
for file in *.conf; do envsubst "$names" <$file >/tmp/$file; done
nginx -t -q -c /tmp/nginx.conf
echo "Unwind is ready: $GATEWAY_URL/docs shows the API"
exec nginx -c /tmp/nginx.conf -g "daemon off;"
