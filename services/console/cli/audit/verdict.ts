/**
 * `npm run unwind -- heal`, and the result of the system's audit, in the form of `npm run audit`.
 */
import { Effect } from "effect"
import { printable } from "#shared/command/printable.ts"
import {
  type AuditFinding,
  type AuditState,
  findingKinds,
  type HealResponse,
} from "#shared/contracts/audit.ts"
import { consoleCommand, type Desk, reasonOf, reasonOption } from "../console-command.ts"
import { agoOf, counted, type Output, spanOf } from "../output.ts"

const findingLine = ({ kind, orderId, ageMs, cause, remedy }: AuditFinding): string =>
  printable(
    `${kind.padEnd(9)} ${(orderId ?? "books").padEnd(36)} ` +
      `${(ageMs === null ? "" : spanOf(ageMs)).padStart(5)}  ${cause}: ${remedy}`,
  )

const foundWords = (found: AuditState["found"]): string =>
  findingKinds.filter((kind) => found[kind] > 0)
    .map((kind) => `${counted(found[kind])} ${kind}`)
    .join(", ") || "none"

const sumOf = (found: AuditState["found"]): number =>
  Object.values(found).reduce((sum, count) => sum + count, 0)

const printFindings = (findings: ReadonlyArray<AuditFinding>, out: Output) =>
  Effect.forEach(findings, (finding) => out.data(finding, () => findingLine(finding)), {
    discard: true,
  })

const noteUnreached = (unreached: AuditState["unreached"], out: Output) =>
  Effect.forEach(
    unreached,
    ({ service, message }) => out.note(`Not audited: ${service}: ${message}`),
    { discard: true },
  )

const stateWords = ({ verdict, auditedAt, orders, resources, found }: AuditState): string => {
  const { allHeld, noneHeld, inFlight, inQuestion } = orders
  return [
    `Verdict   ${verdict}` + (auditedAt === null ? "" : `, ${agoOf(auditedAt)} ago`),
    `Orders    held by all ${counted(allHeld)}, by none ${counted(noneHeld)}, in flight ${
      counted(inFlight)
    }, with findings ${counted(inQuestion)}`,
    `Books     ${counted(resources)} resources`,
    `Findings  ${foundWords(found)}`,
  ].join("\n")
}

/** Prints the result of the system's last audit. Returns the exit code. */
export const printVerdict = Effect.fnUntraced(
  function* ({ api, out }: Desk) {
    const { findings, ...state } = yield* api.audit
    yield* printFindings(findings, out)
    yield* out.data(state, () => stateWords({ ...state, findings }))
    yield* noteUnreached(state.unreached, out)
    return state.verdict === "sound" ? 0 : state.verdict === "findings" ? 1 : 2
  },
)

/**
 * The exit code: 0 when nothing is left to do, 1 when a person has to act, 2 when that is unknown.
 */
export const codeOfHealing = (
  { finished, unreached, found, healed }: typeof HealResponse.Type,
): number => !finished || unreached.length > 0 ? 2 : sumOf(found) > healed ? 1 : 0

/** Prints the result of an audit that may have healed. */
export const printHealing = Effect.fnUntraced(function* (
  { findings, ...done }: typeof HealResponse.Type,
  out: Output,
) {
  yield* printFindings(findings, out)
  yield* out.data(
    done,
    () =>
      `Findings  ${foundWords(done.found)}; ${counted(done.healable)} can be healed, ` +
      `${counted(done.healed)} healed`,
  )
  yield* noteUnreached(done.unreached, out)
  if (sumOf(done.found) > done.healable) {
    yield* out.note("A person decides about the others: npm run unwind -- audit")
  }
  if (!done.finished) yield* out.note("It continues in the background: npm run unwind -- audit")
})

export const heal = consoleCommand(
  {
    name: "heal",
    usage: "--reason TEXT | --dry-run",
    about: `Audits everything, and gives back what is held for failed or unknown orders. Safe while
orders run. Nothing is healed while a service cannot be audited.`,
    options: {
      "dry-run": { type: "boolean", says: "only show what would be given back; needs no reason" },
      reason: reasonOption,
    },
    read: ({ "dry-run": dryRun = false, reason }) => ({
      dryRun,
      reason: dryRun && reason === undefined ? "only counted" : reasonOf(reason),
    }),
  },
  Effect.fnUntraced(function* ({ api, out }, request) {
    const done = yield* api.heal(request)
    yield* printHealing(done, out)
    return codeOfHealing(done)
  }),
)
