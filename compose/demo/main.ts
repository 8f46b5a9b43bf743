/** `npm run demo`: four orders through the whole system, drawn as they happen, and checked. */
import { Effect, References } from "effect"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments } from "./arguments.ts"
import { findSystem } from "./system.ts"
import { terminalFor } from "./terminal.ts"
import { walk } from "./walk.ts"

const demo = (baseUrl: string | undefined) =>
  Effect.gen(function* () {
    const { paint, spell } = terminalFor(process.stdout.isTTY, process.env)
    const print = (text: string) => Effect.sync(() => console.log(spell(text)))
    const system = yield* findSystem(baseUrl, process.env)
    const walked = walk({ baseUrl: system.baseUrl, paint, print })
    const { orders, asExpected } = yield* Effect.raceFirst(walked, system.broken)
    const summary = `${orders} orders, ${asExpected} as expected.`
    if (asExpected < orders) return yield* Effect.fail({ message: `\n${summary}` })
    yield* print(`\n${summary}`)
  }).pipe(
    Effect.onInterrupt(() => Effect.sync(() => console.log("\nStopping ..."))),
    Effect.scoped,
    // The demo tells what becomes of its orders; what services do about it is for their logs.
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

const given = parseArguments(process.argv.slice(2))
switch (given.task) {
  case "help":
    console.log(help)
    break
  case "refuse":
    console.error(given.message)
    process.exitCode = 2
    break
  case "run":
    // A demo that did not get through is no success.
    runMain(demo(given.baseUrl), 130)
}
