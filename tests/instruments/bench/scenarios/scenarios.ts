/** All scenarios, in the order in which they run. */
import type { ScenarioName } from "../arguments.ts"
import type { Scenario } from "../hall.ts"
import { backlog } from "./backlog.ts"
import { deno } from "./deno.ts"
import { embedded } from "./embedded.ts"
import { endToEnd } from "./end-to-end.ts"
import { growth } from "./growth.ts"
import { hot } from "./hot.ts"
import { latency } from "./latency.ts"
import { lowRate } from "./low-rate.ts"
import { overload } from "./overload.ts"
import { peers } from "./peers.ts"
import { queueToDecision } from "./queue-to-decision.ts"
import { replicas } from "./replicas.ts"
import { telemetry } from "./telemetry.ts"

export const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  "queue-to-decision": queueToDecision,
  "end-to-end": endToEnd,
  "low-rate": lowRate,
  latency,
  hot,
  backlog,
  growth,
  replicas,
  deno,
  embedded,
  telemetry,
  overload,
  peers,
}
