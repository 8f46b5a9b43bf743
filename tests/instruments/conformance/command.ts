/** `npm run conformance`: tries whether a participant keeps the protocol. */
import { Console, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { type Asked, conformanceSyntax } from "./arguments.ts"
import { Unusable } from "./contact.ts"
import { junitOf } from "./junit.ts"
import { findWritable, writeFile } from "./report-file.ts"
import { exitCode, jsonOf, linesOf, summaryOf } from "./report.ts"
import { conform, type Report } from "./run.ts"
import { KeyFault } from "./tokens.ts"

const tell = ({ json }: Asked, line: string) =>
  void (json ? process.stderr : process.stdout).write(`${line}\n`)

/** Writes the report wherever it is asked for. The exit code is null when a signal decides it. */
const reported = Effect.fnUntraced(function* (report: Report, asked: Asked, code: number | null) {
  tell(asked, `\n${summaryOf(report, asked)}`)
  if (asked.json) yield* Console.log(JSON.stringify(jsonOf(report, asked, code), null, 2))
  if (asked.junit !== undefined) yield* writeFile(asked.junit, junitOf(report, asked))
})

/** When it is ended, it still gives back what it has reserved, and reports what was tried. */
const tried = (asked: Asked) =>
  Effect.callback<Report, { readonly message: string }>((resume) => {
    const controller = new AbortController()
    const done = conform(asked, (result) => tell(asked, linesOf(result)), controller.signal)
    done.then(
      (report) => resume(Effect.succeed(report)),
      (error: unknown) =>
        resume(
          error instanceof Unusable || error instanceof KeyFault
            ? Effect.fail({ message: error.message })
            : Effect.die(error),
        ),
    )
    return Effect.promise(() => {
      controller.abort()
      return done
    }).pipe(
      Effect.flatMap((report) => reported(report, asked, null)),
      Effect.catch(({ message }) => Console.error(message)),
    )
  })

const run = Effect.fnUntraced(function* (asked: Asked) {
  if (asked.junit !== undefined) yield* findWritable(asked.junit)
  const report = yield* tried(asked)
  const code = exitCode(report)
  yield* reported(report, asked, code)
  return code
})

export const conformance = command(conformanceSyntax, run, { failure: { code: 2 } })
