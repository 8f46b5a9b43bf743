/** `npm run bench`: measures the real system, checks the books of every run, and prints one table. */
import { Console, Effect, References } from "effect"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments } from "./arguments.ts"
import { runBench } from "./bench.ts"

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
    if (process.platform !== "linux") {
      console.error("The bench reads its figures from /proc, which only Linux has: run it there")
      process.exit(69)
    }
    runMain(
      runBench(given).pipe(
        Effect.onInterrupt(() => Console.error("\nStopping ...")),
        Effect.scoped,
        Effect.provideService(References.MinimumLogLevel, "Error"),
      ),
      130,
    )
}
