/** `npm run demo`: places four orders, draws what happens to each, and checks how each ends. */
import { Console, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { syntax } from "#shared/command/syntax.ts"
import { urlOf } from "#shared/command/values.ts"
import { terminalFor } from "../terminal.ts"
import { findSystem } from "./system.ts"
import { walk } from "./walk.ts"

export const demoSyntax = syntax({
  call: "npm run demo",
  usage: "[-- --base-url URL]",
  about:
    `Signs up a new user, places four orders, and draws what happened to each. Exits with 0 when
everything is as expected, 1 when something is not, and 2 when an option is invalid.`,
  options: {
    "base-url": {
      type: "string",
      value: "URL",
      says: "the system's address; default: http://localhost:$PORT (8080 if not set), or else a " +
        "temporary system that the demo starts",
    },
  },
  closing: "Uses colour only on terminals, and never when NO_COLOR is set.",
  read: ({ "base-url": url }) => ({
    baseUrl: url === undefined ? undefined : urlOf("--base-url", url),
  }),
})

export const demo = command(demoSyntax, ({ baseUrl }) =>
  Effect.gen(function* () {
    const { paint, spell } = terminalFor(process.stdout.isTTY, process.env)
    const print = (text: string) => Effect.sync(() => console.log(spell(text)))
    const system = yield* findSystem(baseUrl, process.env)
    const walked = walk({ baseUrl: system.baseUrl, paint, print })
    const { orders, asExpected } = yield* Effect.raceFirst(walked, system.broken)
    const summary = `${orders} orders, ${asExpected} as expected.`
    if (asExpected < orders) return yield* Effect.fail({ message: `\n${summary}` })
    yield* print(`\n${summary}`)
  }).pipe(Effect.onInterrupt(() => Console.error("\nStopping ...")), Effect.scoped))
