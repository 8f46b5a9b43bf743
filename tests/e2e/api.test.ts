/**
 * The whole system, as its customers meet it. All of these share one system, since to start one
 * costs more than most of them; `vitest run tests/e2e -t "Idempotency-Key"` runs those of a name.
 */
import { useSystem } from "./system-under-test.ts"
import "./orders.ts"
import "./idempotency.ts"
import "./events.ts"
import "./wrong-requests.ts"
import "./wrong-values.ts"
import "./gateway.ts"
import "./clients.ts"
import "./documents.ts"

useSystem()
