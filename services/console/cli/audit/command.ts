/**
 * `npm run audit`: audits everything that answers, once. With --heal, corrects what needs no
 * person's decision. Prints the findings, and what it could not audit.
 */
import { Effect } from "effect"
import { auditEverything } from "#services/orchestrator/audit/everything.ts"
import { leftOf } from "#services/orchestrator/audit/sums.ts"
import { command } from "#shared/command/command.ts"
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { urlOf } from "#shared/command/values.ts"
import { Environment } from "#shared/config/settings.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { atConsole } from "../console-command.ts"
import { jsonReport, textReport } from "./report.ts"
import { causeOf, type Missing, namesServices, ofServices, openSystem } from "./system.ts"
import { printVerdict } from "./verdict.ts"

interface AuditOptions {
  readonly heal: boolean
  readonly json: boolean
  /** The address of the system whose console is asked instead. */
  readonly url: string | undefined
}

export const auditSyntax = syntax({
  call: "npm run audit",
  usage: "[-- --heal] [--json]\n[-- --url URL] [--json]",
  about:
    `Compares what these services have on record of each order, and checks the books of everything
that can be reserved: ${[...participantNames, "orders"].join(", ")}.

Where one of ${ofServices.join(", ")} is set
(as in the orchestrator's container), it calls the services with the orchestrator's key. Otherwise it
reads the data folder of npm start (DATA_DIR), whether that runs or not, and whichever version made
it, and calls a participant that runs elsewhere at its address. It leaves out services that are
unavailable, and names them. With --url, or where UNWIND_URL is set, it asks the console there, as an
operator, for the system's own audit.`,
  options: {
    heal: {
      type: "boolean",
      says: "give back what is held for failed or unknown orders; safe while orders run. " +
        "Without it, nothing is changed",
    },
    json: { type: "boolean", says: "a line of JSON for each finding, and one for the totals" },
    url: { type: "string", value: "URL", says: "ask the console of this system" },
  },
  closing:
    `Exits with 0 when nothing is wrong (any more), 1 when a person has to act, and 2 when nothing
was found, but a part could not be audited.`,
  read: ({ heal = false, json = false, url }): AuditOptions => {
    if (heal && url !== undefined) {
      throw new Misused("--heal does not work with --url: use npm run unwind -- heal")
    }
    return { heal, json, url: url === undefined ? undefined : urlOf("--url", url) }
  },
})

/** Returns the exit code. */
const audited = (options: AuditOptions, missingFromStart: ReadonlyArray<Missing>) =>
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

/**
 * Whether the console is asked: with --url, or by UNWIND_URL unless the environment names the
 * services (as in containers) or a data folder is to be healed.
 */
const asksConsole = (
  { url, heal }: AuditOptions,
  environment: typeof Environment["Service"],
): boolean =>
  url !== undefined || (!heal && Boolean(environment["UNWIND_URL"]) && !namesServices(environment))

export const audit = command(
  auditSyntax,
  (options) =>
    Effect.gen(function* () {
      const environment = yield* Environment
      if (asksConsole(options, environment)) {
        return yield* atConsole(options.url, options.json, printVerdict)
      }
      const { context, missing } = yield* openSystem(environment)
      return yield* Effect.provideContext(audited(options, missing), context)
    }).pipe(Effect.scoped),
  { failure: { says: "Cannot audit: ", code: 2 } },
)
