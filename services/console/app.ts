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
  /** Whether operators may break something on purpose. */
  readonly faults: boolean
}

/** So many requests of all operators are answered at a time, each of up to seven questions. */
const mostRequests = 100
const partOfOperator = 1 / 4

const whoAmI = route({
  method: "GET",
  path: "/api/console/me",
  summary: "Who you are, if you are an operator",
  tag: "console",
  answer: { status: 200, description: "The operator whose token it is", schema: Operator },
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
      // Whatever else is away: what it shows then is that.
      ready: {},
    })
    doors.public.route("/", pageApp())
    return doors
  })
