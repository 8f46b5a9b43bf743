/** `npm run demo`: four orders through the whole system, drawn as they happen, and checked. */
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
    `Signs up a new user, places four orders, and draws what really happened to each. Exits with 0 when
everything is as expected, with 1 when something is not, and with 2 when an option is wrong.`,
  options: {
    "base-url": {
      type: "string",
      value: "URL",
      says: "the system to talk to; without it, the one at http://localhost:$PORT (PORT is 8080 " +
        "where it is not set), or one of the demo's own, gone again at its end",
    },
  },
  closing: "Colour is only for terminals, and never with NO_COLOR set.",
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
