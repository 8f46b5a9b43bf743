/** `npm run audit`: audits everything once, heals what no person has to decide if it is told to, and prints what it found. */
import { Cause, Effect, Logger, Option, References, Stream } from "effect"
import { Audit } from "#services/orchestrator/audit/audit.ts"
import { heal } from "#services/orchestrator/audit/heal.ts"
import { runMain } from "#shared/service/run-main.ts"
import { Misconfigured, Unavailable, Unknown } from "#shared/transient.ts"
import { help, parseArguments } from "./arguments.ts"
import { jsonReport, leftOf, noSums, plus, textReport } from "./report.ts"
import { openSystem } from "./system.ts"

const audit = (options: { readonly heal: boolean; readonly json: boolean }) =>
  Effect.gen(function* () {
    const report = options.json ? jsonReport : textReport
    const { books, orders } = yield* Audit
    // Books come last: what is healed before them balances.
    const sums = yield* Stream.concat(orders({}), books).pipe(
      Stream.runFoldEffect(() => noSums, (sums, part) =>
        Effect.gen(function* () {
          if (options.heal) yield* heal(part.findings)
          const isHealed = (finding: (typeof part.findings)[number]) =>
            options.heal && finding.heal !== null
          for (const finding of part.findings) {
            console.log(report.finding(finding, isHealed(finding)))
          }
          return plus(sums, part, isHealed)
        })),
    )
    console.log(report.sums(sums))
    return leftOf(sums)
  })

const main = (options: { readonly heal: boolean; readonly json: boolean }) =>
  Effect.gen(function* () {
    const context = yield* openSystem(process.env)
    return yield* Effect.provideContext(audit(options), context)
  }).pipe(
    Effect.scoped,
    Effect.map((left) => left === 0 ? 0 : 1),
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      return Effect.as(Effect.sync(() => console.error(`Can not audit: ${whyNot(cause)}`)), 2)
    }),
    Effect.tap((code) => Effect.sync(() => process.exitCode = code)),
    // What is printed is the answer; what services of the data folder have to say is for the other stream.
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

const whyNot = (cause: Cause.Cause<{ readonly message: string }>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error === undefined) return Cause.pretty(cause)
  return error instanceof Misconfigured
    ? error.message
    : error instanceof Unavailable || error instanceof Unknown
    ? `${error.message}: see that it runs and can be reached from here, then try again`
    : error.message
}

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
