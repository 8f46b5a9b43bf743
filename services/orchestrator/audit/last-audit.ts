/**
 * The result of the last full audit: each finding is logged once and counted in a metric, and the
 * result can be read. Every orchestrator audits; all of them show the result of the one that
 * audited last.
 */
import { Clock, Context, Effect, Layer, Metric, Option, Schema, Semaphore } from "effect"
import {
  type AuditFinding,
  AuditState,
  type FindingKind,
  findingKinds,
  maxFindings,
} from "#shared/contracts/audit.ts"
import { Replicas } from "#shared/queue/replicas.ts"
import { Audit } from "./audit.ts"
import {
  auditEverything,
  type Everything,
  type EverythingOptions,
  unreachedOf,
} from "./everything.ts"
import { type Finding, keyOf } from "./finding.ts"
import { Records, type Unreached } from "./records.ts"
import { leftOf, noSums, type Sums } from "./sums.ts"

/**
 * The most findings that are remembered, so that each is logged once. Of further ones, only the
 * number is logged.
 */
const mostRemembered = 100_000

const violations = Metric.gauge("saga_invariant_violations", {
  description: "Findings of the last full audit, by kind; anything above 0 is wrong",
  attributes: { unit: "{finding}" },
})

export class LastAudit extends Context.Service<LastAudit, {
  /**
   * Audits everything; concurrent calls take turns. The result becomes the last one unless the
   * audit broke off.
   */
  readonly audit: (options: EverythingOptions) => Effect.Effect<Everything>
  /** Records that the newest orders were checked. */
  readonly looked: Effect.Effect<void>
  /** Records that they could not be checked; returns the services that are away. */
  readonly failed: (unreached: Unreached) => Effect.Effect<ReadonlyArray<Unreached>>
  readonly state: Effect.Effect<AuditState>
}>()("unwind/orchestrator/LastAudit") {
  static readonly layer: Layer.Layer<LastAudit, never, Audit | Records | Replicas> = Layer.effect(
    LastAudit,
    Effect.gen(function* () {
      const context = yield* Effect.context<Audit | Records>()
      const turns = yield* Semaphore.make(1)
      const replicas = yield* Replicas
      let state = nothingYet
      let logged: ReadonlySet<string> = new Set()
      yield* show(noSums.found)
      yield* replicas.answer(
        "audit",
        (question) => Effect.sync(() => question === "state" ? state : state.auditedAt),
      )
      const audit = Effect.fnUntraced(
        function* (options: EverythingOptions) {
          const told = tellOnce(logged)
          const everything = yield* auditEverything({
            ...options,
            tell: (part, isHealed, sums) =>
              Effect.andThen(
                told.tell(part.findings.filter((finding) => !isHealed(finding))),
                options.tell(part, isHealed, sums),
              ),
          })
          if (options.away.length > 0 || everything.brokenOff.length > 0) return everything
          logged = yield* told.end
          yield* show(told.counts)
          const now = yield* isoNow
          state = stateOf(everything.sums, told, now)
          return everything
        },
        turns.withPermits(1),
        Effect.provideContext(context),
      )
      return LastAudit.of({
        audit,
        looked: Effect.map(isoNow, (lookedAt) => {
          state = { ...state, lookedAt, unreached: [] }
        }),
        failed: Effect.fnUntraced(function* (unreached) {
          const away = yield* Effect.provideContext(unreachedOf(), context)
          const all = away.length === 0 ? [unreached] : away
          state = { ...state, unreached: all.map(unreachedView) }
          return all
        }),
        state: Effect.gen(function* () {
          const { answers } = yield* replicas.ask("audit", "when")
          const [name, last] = answers.reduce<readonly [string, string]>(
            (a, [name, at]) => typeof at === "string" && at > a[1] ? [name, at] : a,
            [replicas.self, state.auditedAt ?? ""],
          )
          if (name === replicas.self || last === "") return state
          const { answers: [answer] } = yield* replicas.ask("audit", "state", [name])
          return Option.getOrElse(decodeState(answer?.[1]), () => state)
        }),
      })
    }),
  )
}

const decodeState = Schema.decodeUnknownOption(AuditState)

const isoNow = Effect.map(Clock.currentTimeMillis, (ms) => new Date(ms).toISOString())

const nothingYet: AuditState = {
  verdict: "unknown",
  auditedAt: null,
  lookedAt: null,
  orders: { allHeld: 0, noneHeld: 0, inFlight: 0, inQuestion: 0 },
  resources: 0,
  found: noSums.found,
  findings: [],
  unreached: [],
}

const stateOf = (
  { allHeld, noneHeld, inFlight, inQuestion, resources }: Sums,
  { counts, first }: Told,
  now: string,
): AuditState => ({
  verdict: leftOf({ found: counts, healed: 0 }) === 0 ? "sound" : "findings",
  auditedAt: now,
  lookedAt: now,
  orders: { allHeld, noneHeld, inFlight, inQuestion },
  resources,
  found: counts,
  findings: first,
  unreached: [],
})

/** Ages are rounded: they are by the clock of the orders service, which is estimated. */
export const findingView = ({ heal, ageMs, ...finding }: Finding): AuditFinding => ({
  ...finding,
  ageMs: ageMs === null ? null : Math.round(ageMs),
  healable: heal !== null,
})

export const unreachedView = ({ service, message }: Unreached) => ({ service, message })

interface Told {
  readonly counts: Record<FindingKind, number>
  readonly first: ReadonlyArray<AuditFinding>
}

/** Logs the findings that were not logged yet, and counts all. */
const tellOnce = (logged: ReadonlySet<string>) => {
  const remembered = new Set<string>()
  const counts = { ...noSums.found }
  const first: Array<AuditFinding> = []
  let unsaid = 0
  return {
    counts,
    first,
    tell: (findings: ReadonlyArray<Finding>) =>
      Effect.forEach(findings, (finding) => {
        counts[finding.kind]++
        if (first.length < maxFindings) first.push(findingView(finding))
        if (remembered.size >= mostRemembered) return Effect.sync(() => unsaid++)
        const key = keyOf(finding)
        remembered.add(key)
        return logged.has(key) ? Effect.void : log(finding)
      }, { discard: true }),
    /** Returns the findings that are logged by now. */
    end: Effect.gen(function* () {
      if (unsaid > 0) {
        yield* Effect.logError(`The audit found ${unsaid} more: \`npm run audit\` names them all`)
      }
      if (remembered.size === 0 && logged.size > 0) {
        yield* Effect.logInfo("The audit finds nothing wrong any more")
      }
      return remembered
    }),
  }
}

const log = ({ kind, orderId, participant, cause, remedy }: Finding) =>
  Effect.logError(`The audit found: ${cause}`, { kind, orderId, participant, remedy })

const show = (counts: Sums["found"]) =>
  Effect.forEach(
    findingKinds,
    (kind) => Metric.update(Metric.withAttributes(violations, { kind }), counts[kind]),
    { discard: true },
  )
