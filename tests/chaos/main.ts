/** `npm run chaos`: breaks a real system of real processes for some minutes, and proves that no order suffered. */
import { Console, Effect, References } from "effect"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments } from "./arguments.ts"
import { runChaos } from "./run.ts"

/** A terminal shows one line that changes, everything else a line each. */
const show = (line: string) =>
  process.stdout.isTTY
    ? Effect.sync(() =>
      process.stdout.write(`\r\x1b[K${line.slice(0, process.stdout.columns - 1)}`)
    )
      .pipe(Effect.asVoid)
    : Console.log(line)

const chaos = (minutes: number, seed: string) =>
  runChaos({ minutes, seed, show }).pipe(
    Effect.onInterrupt(() => Console.log("\nStopping ...")),
    Effect.scoped,
    // What servers do while they are broken on purpose is in their logs.
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
    if (process.platform === "win32") {
      console.error("Chaos stops processes (SIGSTOP), which Windows cannot: run it in WSL")
      process.exit(69)
    }
    runMain(chaos(given.minutes, given.seed ?? crypto.randomUUID().slice(0, 8)), 130)
}
