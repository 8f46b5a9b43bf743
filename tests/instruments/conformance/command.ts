/** `npm run conformance`: tries whether a participant keeps the protocol. */
import { Console, Effect } from "effect"
import { accessSync, constants, writeFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { command } from "#shared/command/command.ts"
import { type Asked, conformanceSyntax } from "./arguments.ts"
import { Unusable } from "./contact.ts"
import { junitOf } from "./junit.ts"
import { exitCode, jsonOf, linesOf, summaryOf } from "./report.ts"
import { conform, type Report } from "./run.ts"
import { KeyFault } from "./tokens.ts"

/** When a person ends it, it still gives back what it has reserved, and says so. */
const tried = (asked: Asked, tell: (line: string) => void) =>
  Effect.callback<Report, { readonly message: string }>((resume) => {
    const controller = new AbortController()
    const done = conform(asked, (result) => tell(linesOf(result)), controller.signal)
    done.then(
      (report) => resume(Effect.succeed(report)),
      (error: unknown) =>
        resume(
          error instanceof Unusable || error instanceof KeyFault
            ? Effect.fail({ message: error.message })
            : Effect.die(error),
        ),
    )
    return Effect.promise(async () => {
      controller.abort()
      tell(`\n${summaryOf(await done, asked)}`)
    })
  })

const toJunit = (file: string, work: () => void) =>
  Effect.try({
    try: work,
    catch: (error) => ({
      message: `--junit: ${file} cannot be written (${
        (error as Error).message
      }): name another file`,
    }),
  })

/** Nobody should wait for all checks to hear of a wrong folder. */
const findFolderOf = (file: string) =>
  toJunit(file, () => accessSync(dirname(resolve(file)), constants.W_OK))

const writeJunit = (file: string, text: string) => toJunit(file, () => writeFileSync(file, text))

const run = Effect.fnUntraced(function* (asked: Asked) {
  const tell = (line: string) =>
    void (asked.json ? process.stderr : process.stdout).write(`${line}\n`)
  if (asked.junit !== undefined) yield* findFolderOf(asked.junit)
  const report = yield* tried(asked, tell)
  tell(`\n${summaryOf(report, asked)}`)
  if (asked.json) yield* Console.log(JSON.stringify(jsonOf(report, asked), null, 2))
  if (asked.junit !== undefined) yield* writeJunit(asked.junit, junitOf(report, asked))
  return exitCode(report)
})

export const conformance = command(conformanceSyntax, run, { failure: { code: 2 } })
