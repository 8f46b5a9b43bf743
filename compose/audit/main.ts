/**
 * `npm run audit`: audits everything that answers once, heals what no person has to decide if it is told to, and prints what
 * it found and what it could not look at.
 */
import { Cause, Effect, Logger, Option, References, Stream } from "effect"
import { Audit, type Audited } from "#services/orchestrator/audit/audit.ts"
import { heal } from "#services/orchestrator/audit/heal.ts"
import { runMain } from "#shared/service/run-main.ts"
import type { Transient } from "#shared/transient.ts"
import { help, parseArguments } from "./arguments.ts"
import { jsonReport, leftOf, noSums, plus, textReport } from "./report.ts"
import { causeOf, type Missing, openSystem } from "./system.ts"

interface Options {
  readonly heal: boolean
  readonly json: boolean
}

/** Gives the exit code. */
const audit = (options: Options, missingFromStart: ReadonlyArray<Missing>) =>
  Effect.gen(function* () {
    const report = options.json ? jsonReport : textReport
    const { books, orders } = yield* Audit
    // What undoes the last step comes first, so none goes before one that is away.
    const heals = options.heal && missingFromStart.length === 0
    const missing = [...missingFromStart]
    const asFarAsItGoes = (part: string, audited: Stream.Stream<Audited, Transient>) =>
      Stream.catchCause(audited, (cause) => {
        const error = Option.getOrUndefined(Cause.findErrorOption(cause))
        if (error === undefined) return Stream.failCause(cause as Cause.Cause<never>)
        missing.push({ part, cause: causeOf(error) })
        return Stream.empty
      })
    const known = missing.some(({ part }) => part === "orders") ? Stream.empty : orders({})
    // Books come last: what is healed before them balances.
    const sums = yield* Stream.concat(
      asFarAsItGoes("the rest of the orders", known),
      asFarAsItGoes("the rest of the books", books),
    ).pipe(
      Stream.runFoldEffect(() => noSums, (sums, part) =>
        Effect.gen(function* () {
          if (heals) yield* heal(part.findings)
          const isHealed = (finding: (typeof part.findings)[number]) =>
            heals && finding.heal !== null
          for (const finding of part.findings) {
            console.log(report.finding(finding, isHealed(finding)))
          }
          return plus(sums, part, isHealed)
        })),
    )
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
