/**
 * The whole system from its customers' view. All of these tests share one system, because starting
 * one takes longer than most of them; `vitest run tests/e2e -t "Idempotency-Key"` runs those of one
 * name.
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
