/** A service as chaos runs it: the real one, but for failpoints that kill when they are told to. */
import { Effect } from "effect"
import { Failpoint } from "#shared/failpoint.ts"
import type { ServiceName } from "#shared/roster.ts"
import { runMain } from "#shared/service/run-main.ts"
import { serve } from "#shared/service/service.ts"
import { armedFailpoint } from "./armed-failpoint.ts"

const programs: Record<ServiceName, () => Promise<ReturnType<typeof serve>>> = {
  auth: async () => serve((await import("#services/auth/service.ts")).auth),
  billing: async () => serve((await import("#services/billing/service.ts")).billing),
  console: async () => serve((await import("#services/console/service.ts")).console),
  items: async () => serve((await import("#services/items/service.ts")).items),
  orchestrator: async () => serve((await import("#services/orchestrator/service.ts")).orchestrator),
  orders: async () => serve((await import("#services/orders/service.ts")).orders),
  slots: async () => serve((await import("#services/slots/service.ts")).slots),
}

const program = await programs[process.argv[2] as ServiceName]()
runMain(Effect.provideService(program, Failpoint, armedFailpoint(process.stdin)))
