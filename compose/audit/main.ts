/**
 * `npm run audit`: audits everything that answers once, heals what no person has to decide if it is told to, and prints what
 * it found and what it could not look at.
 */
import { Cause, Effect, Logger, Option, References } from "effect"
import { auditEverything } from "#services/orchestrator/audit/everything.ts"
import { leftOf } from "#services/orchestrator/audit/sums.ts"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments } from "./arguments.ts"
import { jsonReport, textReport } from "./report.ts"
import { causeOf, type Missing, openSystem } from "./system.ts"

interface Options {
  readonly heal: boolean
  readonly json: boolean
}

/** Gives the exit code. */
const audit = (options: Options, missingFromStart: ReadonlyArray<Missing>) =>
  Effect.gen(function* () {
    const report = options.json ? jsonReport : textReport
    const { sums, brokenOff } = yield* auditEverything({
      away: missingFromStart.map(({ part }) => part),
      heals: options.heal,
      tell: ({ findings }, isHealed) =>
        Effect.sync(() => {
          for (const finding of findings) console.log(report.finding(finding, isHealed(finding)))
        }),
    })
    const missing = [
      ...missingFromStart,
      ...brokenOff.map(({ part, unreached }) => ({ part, cause: causeOf(unreached) })),
    ]
    console.log(report.sums(sums, missing))
    if (leftOf(sums) > 0) return 1
    return missing.length > 0 ? 2 : 0
  })

const main = (options: Options) =>
  Effect.gen(function* () {
    const { context, missing } = yield* openSystem(process.env)
    return yield* Effect.provideContext(audit(options, missing), context)
  }).pipe(
    Effect.scoped,
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      return Effect.as(Effect.sync(() => console.error(`Cannot audit: ${whyNot(cause)}`)), 2)
    }),
    Effect.tap((code) => Effect.sync(() => process.exitCode = code)),
    // What is printed is the answer; what services of the data folder have to say is for the other stream.
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

const whyNot = (cause: Cause.Cause<{ readonly message: string }>): string =>
  Option.getOrUndefined(Cause.findErrorOption(cause))?.message ?? Cause.pretty(cause)

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
    runMain(main(given), 130)
}
