/** The console's routes, for operators only, and its page. */
import { Effect } from "effect"
import { Operator } from "#shared/contracts/console.ts"
import { makeApp } from "#shared/http/app.ts"
import { route } from "#shared/http/route.ts"
import { actionRoutes } from "./actions.ts"
import { operatorsShare } from "./admission.ts"
import { faultRoutes } from "./faults.ts"
import { liveRoutes } from "./live.ts"
import { pageApp } from "./page-app.ts"
import { readRoutes } from "./reads.ts"

export interface ConsoleOptions {
  readonly trustProxy: boolean
  /** Whether operators may set faults. */
  readonly faults: boolean
}

/** Of all operators, at a time. One request can make up to seven calls. */
const mostRequests = 100
const partOfOperator = 1 / 4

const whoAmI = route({
  method: "GET",
  path: "/api/console/me",
  summary: "Who you are, if you are an operator",
  tag: "console",
  answer: { status: 200, description: "The operator of this token", schema: Operator },
  handle: ({ caller: { username } }) => Effect.succeed({ body: { username } }),
})

export const consoleApp = (options: ConsoleOptions) =>
  Effect.gen(function* () {
    const permit = operatorsShare({ most: mostRequests, part: partOfOperator })
    const doors = yield* makeApp({
      name: "console",
      description: "What operators see and do.",
      routes: [
        yield* whoAmI,
        ...(yield* liveRoutes(permit)),
        ...(yield* readRoutes(permit)),
        ...(yield* actionRoutes({ ...options, permit })),
        ...(options.faults ? yield* faultRoutes({ ...options, permit }) : []),
      ],
      // Ready whatever else is unavailable: the console then shows just that.
      ready: {},
    })
    doors.public.route("/", pageApp())
    return doors
  })
