/**
 * `npm run audit`: audits everything that answers once, heals what no person has to decide if it is told to, and prints what
 * it found and what it could not look at.
 */
import { Effect } from "effect"
import { auditEverything } from "#services/orchestrator/audit/everything.ts"
import { leftOf } from "#services/orchestrator/audit/sums.ts"
import { command } from "#shared/command/command.ts"
import { Misused, syntax } from "#shared/command/syntax.ts"
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
  /** The system whose console is asked instead. */
  readonly url: string | undefined
}

export const auditSyntax = syntax({
  call: "npm run audit",
  usage: "[-- --heal] [--json]\n[-- --url URL] [--json]",
  about:
    `Joins what is on record of each order at these services, and checks the books of all that can be
reserved: ${[...participantNames, "orders"].join(", ")}.

Where one of ${ofServices.join(", ")} is set,
as in the orchestrator's container, it asks the services, with the orchestrator's key; else
it reads the data folder of npm start (DATA_DIR), whether that runs or not, and whichever version
made it, and asks a participant that is elsewhere where its address says. It goes on without those that are away, and names them. With --url, or where UNWIND_URL is
set, it asks the console there what the system's own audit last found, as an operator.`,
  options: {
    heal: {
      type: "boolean",
      says: "give back what is held for failed orders and for none; safe while orders are " +
        "running. Without it, nothing is changed",
    },
    json: { type: "boolean", says: "a line of JSON for each finding, and one for the sums" },
    url: { type: "string", value: "URL", says: "ask the console of this system" },
  },
  closing:
    `Exits with 0 when nothing is wrong (any more), with 1 when a person has to look, and with 2 when it
cannot tell, since a part is missing.`,
  read: ({ heal = false, json = false, url }): AuditOptions => {
    if (heal && url !== undefined) {
      throw new Misused("Over the console it is npm run unwind -- heal, and not --heal")
    }
    return { heal, json, url: url === undefined ? undefined : urlOf("--url", url) }
  },
})

/** Gives the exit code. */
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

/** Whether the console is asked: not where services are named, as in their containers, and not to heal a data folder. */
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
