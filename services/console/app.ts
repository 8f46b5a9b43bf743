/** The console's routes, for operators only. */
import { Effect } from "effect"
import { Operator } from "#shared/contracts/console.ts"
import { makeApp } from "#shared/http/app.ts"
import { route } from "#shared/http/route.ts"

export const consoleApp = Effect.gen(function* () {
  const me = yield* route({
    method: "GET",
    path: "/api/console/me",
    summary: "Who you are, if you are an operator",
    tag: "console",
    answer: { status: 200, description: "The operator whose token it is", schema: Operator },
    handle: ({ caller: { username } }) => Effect.succeed({ body: { username } }),
  })
  return yield* makeApp({
    name: "console",
    description: "What operators see and do.",
    routes: [me],
    // Whatever else is away: what it shows then is that.
    ready: {},
  })
})
