#!/bin/sh
# Makes a self-signed certificate for this machine if there is none: for development, since no client trusts it.
set -e
cd /run/tls
[ ! -e tls.crt ] || exit 0
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout tls.key -out tls.crt.new 2>/dev/null
mv tls.crt.new tls.crt
