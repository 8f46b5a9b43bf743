/**
 * `npm run chaos`: breaks a real system of real processes for some minutes, and checks that no
 * order suffered.
 */
import { Console, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { chaosSyntax } from "./arguments.ts"
import { runChaos } from "./run.ts"

/** On a terminal, one line that changes; elsewhere, a line for each message. */
const show = (line: string) =>
  process.stdout.isTTY
    ? Effect.sync(() =>
      process.stdout.write(`\r\x1b[K${line.slice(0, process.stdout.columns - 1)}`)
    )
      .pipe(Effect.asVoid)
    : Console.log(line)

const chaos = (
  { minutes, seed }: { readonly minutes: number; readonly seed?: string | undefined },
) =>
  runChaos({ minutes, seed: seed ?? crypto.randomUUID().slice(0, 8), show }).pipe(
    Effect.onInterrupt(() => Console.log("\nStopping ...")),
    Effect.scoped,
  )

const notHere = Effect.as(
  Console.error("Chaos needs SIGSTOP, which Windows does not have: run it in WSL"),
  69,
)

command(chaosSyntax, (given) => process.platform === "win32" ? notHere : chaos(given))
  .main(process.argv.slice(2))
