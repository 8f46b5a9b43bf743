/** A service as chaos runs it: the real one, with failpoints that kill when they are armed. */
import { Effect } from "effect"
import { serviceNamed } from "#compose/embedded/services.ts"
import { Failpoint } from "#shared/failpoint.ts"
import type { ServiceName } from "#shared/roster.ts"
import { runMain } from "#shared/service/run-main.ts"
import { serve } from "#shared/service/service.ts"
import { armedFailpoint } from "./armed-failpoint.ts"

const service = await Effect.runPromise(serviceNamed(process.argv[2] as ServiceName))
runMain(Effect.provideService(serve(service), Failpoint, armedFailpoint(process.stdin)))
