#!/usr/bin/env bash
# Everything that must pass before a change lands: a clean install, types, lint and format, all tests,
# the core tests again on Deno, chaos, and the containers if there is a Docker engine. Needs Debian
# or Ubuntu, with npm.
set -euo pipefail
cd "$(dirname "$0")/.."

# Repeats failures at the very end: server logs come in between, and often only the end is kept.
if [ -z "${CI_RUN_LOG:-}" ]; then
  CI_RUN_LOG=$(mktemp)
  export CI_RUN_LOG
  trap 'rm -f "$CI_RUN_LOG"' EXIT
  status=0
  tests/ci.sh 2>&1 | tee "$CI_RUN_LOG" || status=$?
  if [ "$status" != 0 ]; then
    printf '\n== What failed (exit %s)\n' "$status"
    grep -a '^== ' "$CI_RUN_LOG" | tail -n 1
    grep -aE -A 8 '(^|[^A-Z])FAIL ' "$CI_RUN_LOG" | head -n 120 || true
  fi
  exit "$status"
fi

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

step "Missing programs"
lacking=()
for program in redis-server pgbouncer openssl haproxy nginx prometheus chromium; do
  PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || lacking+=("$program")
done
command -v pg_virtualenv >/dev/null || lacking+=(postgresql)
/usr/bin/python3 -c 'import psycopg' 2>/dev/null || lacking+=(python3-psycopg)
if [ ${#lacking[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${lacking[@]}" >/dev/null
fi

step "npm ci"
npm ci --no-audit --no-fund

step "npm run check"
npm run check

step "npm test"
# Searches are long here; `npm test` alone runs the short form.
TEST_LENGTH=long npm test

step "On the oldest PostgreSQL"
if [ -d /usr/lib/postgresql/15 ]; then
  pg_virtualenv -v 15 -o max_connections=200 -o fsync=off sh -c \
    'UNWIND_TEST_POSTGRES_URL=postgres://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres exec npx vitest run \
      tests/shared/postgres tests/shared/reservations tests/services/auth tests/services/billing tests/services/orders'
else
  echo "The tests on PostgreSQL 15 were NOT run: this system installs another version as postgresql"
fi

step "On Deno"
node_modules/.bin/deno run -A npm:vitest run tests/property tests/shared tests/security tests/services/orders \
  tests/services/orchestrator tests/instruments/conformance/conformance.test.ts tests/e2e/api.test.ts tests/e2e/demo.test.ts \
  tests/e2e/separate-services.test.ts \
  --exclude 'tests/services/orchestrator/audit/**'

step "Chaos"
npm run chaos -- --minutes 1

step "Containers"
npm run e2e:compose || [ $? = 69 ]

step "Done"
