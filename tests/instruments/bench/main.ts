/**
 * `npm run bench`: measures the real system, checks the books of every run, and prints one table.
 */
import { Console, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { type BenchArguments, benchSyntax } from "./arguments.ts"
import { runBench } from "./bench.ts"

const bench = (given: BenchArguments) =>
  runBench(given).pipe(
    Effect.onInterrupt(() => Console.error("\nStopping ...")),
    Effect.scoped,
  )

const notHere = Effect.as(
  Console.error("The bench reads its figures from /proc, which only Linux has: run it on Linux"),
  69,
)

command(benchSyntax, (given) => process.platform === "linux" ? bench(given) : notHere)
  .main(process.argv.slice(2))
