/**
 * The running check, in every orchestrator: the newest orders every now and then, at a cost that does not grow; and
 * everything when those show a change, and every hour. A database that was put back to an older state always shows in the
 * newest orders. What is found is logged once, and counted in a metric.
 */
import { Cause, Duration, Effect, Layer, Metric, Stream } from "effect"
import { type FindingKind, findingKinds } from "#shared/contracts/audit.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { steadyMs } from "#shared/steady-time.ts"
import type { Transient } from "#shared/transient.ts"
import { Audit, type Audited } from "./audit.ts"
import { type Finding, keyOf } from "./finding.ts"

const newestOrders = 10_000
const wholeEveryMs = Duration.toMillis("1 hour")

/** The most findings that are remembered, so that each is logged once; of more, only their number is. */
const mostRemembered = 100_000

const violations = Metric.gauge("saga_invariant_violations", {
  description: "What the last audit of everything found, by kind; 0 is how it must be",
  attributes: { unit: "{finding}" },
})

/**
 * Checks until the scope closes: every so often, or up to ten times less often while a check would take more than a
 * twentieth of the time, as it does when everything else needs the processors, too.
 */
export const watchLayer = ({ every }: { readonly every: Duration.Duration }) =>
  Layer.effectDiscard(Effect.gen(function* () {
    yield* show(new Map())
    const check = Effect.timed((yield* makeCheck).pipe(
      Effect.catch(({ message }) => Effect.logWarning(`The audit will try again: ${message}`)),
      Effect.catchDefect((defect) => Effect.logError("The audit met a defect", Cause.die(defect))),
    ))
    const longest = Duration.times(every, 10)
    let pause = every
    yield* Effect.suspend(() => Effect.sleep(pause)).pipe(
      Effect.andThen(check),
      Effect.map(([took]) => {
        pause = Duration.clamp(Duration.times(took, 19), { minimum: every, maximum: longest })
      }),
      Effect.forever,
      Effect.forkScoped,
    )
  }))

/** Makes the check, which remembers what the checks before it found. */
const makeCheck = Effect.gen(function* () {
  const audit = yield* Audit
  let newestBefore: Newest = { found: new Map(), downTo: undefined }
  let logged: ReadonlySet<string> = new Set()
  let wholeAtMs = -Infinity
  return Effect.gen(function* () {
    const startedAtMs = yield* steadyMs
    const newest = yield* look(audit.orders({ most: newestOrders }))
    if (startedAtMs - wholeAtMs >= wholeEveryMs || isChange(newestBefore, newest)) {
      logged = yield* tell(Stream.concat(audit.orders({}), audit.books), logged)
      wholeAtMs = startedAtMs
    }
    newestBefore = newest
  })
})

interface Newest {
  /** The orders with findings, by the findings' keys. */
  readonly found: ReadonlyMap<string, OrderId | null>
  /** The oldest order that was looked at. */
  readonly downTo: OrderId | undefined
}

const look = Effect.fnUntraced(function* (audited: Stream.Stream<Audited, Transient>) {
  const found = new Map<string, OrderId | null>()
  let downTo: OrderId | undefined
  yield* Stream.runForEach(audited, (part) =>
    Effect.sync(() => {
      for (const finding of part.findings) found.set(keyOf(finding), finding.orderId)
      downTo = part.downTo
    }))
  return { found, downTo } satisfies Newest
})

/** Findings came, or went otherwise than by growing older than the newest orders. */
const isChange = (before: Newest, now: Newest): boolean =>
  [...now.found.keys()].some((key) => !before.found.has(key)) ||
  [...before.found].some(([key, orderId]) =>
    !now.found.has(key) && (now.downTo === undefined || orderId! >= now.downTo)
  )

/** Logs the findings that were not logged yet, and counts all; gives those that are logged by now. */
const tell = Effect.fnUntraced(
  function* (audited: Stream.Stream<Audited, Transient>, logged: ReadonlySet<string>) {
    const remembered = new Set<string>()
    const counts = new Map<FindingKind, number>()
    let unsaid = 0
    yield* Stream.runForEach(audited, ({ findings }) =>
      Effect.forEach(findings, (finding) => {
        counts.set(finding.kind, (counts.get(finding.kind) ?? 0) + 1)
        if (remembered.size >= mostRemembered) return Effect.sync(() => unsaid++)
        const key = keyOf(finding)
        remembered.add(key)
        return logged.has(key) ? Effect.void : log(finding)
      }, { discard: true }))
    if (unsaid > 0) {
      yield* Effect.logError(`The audit found ${unsaid} more: \`npm run audit\` names them all`)
    }
    if (remembered.size === 0 && logged.size > 0) {
      yield* Effect.logInfo("The audit finds nothing wrong any more")
    }
    yield* show(counts)
    return remembered
  },
)

const log = ({ kind, orderId, participant, cause, remedy }: Finding) =>
  Effect.logError(`The audit found: ${cause}`, { kind, orderId, participant, remedy })

const show = (counts: ReadonlyMap<FindingKind, number>) =>
  Effect.forEach(
    findingKinds,
    (kind) => Metric.update(Metric.withAttributes(violations, { kind }), counts.get(kind) ?? 0),
    { discard: true },
  )
