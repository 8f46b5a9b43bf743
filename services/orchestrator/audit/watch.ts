/**
 * The running check of every orchestrator: it audits the newest orders regularly, at a constant
 * cost, and everything when those show a change, and every hour. A database that was restored to an
 * older state always shows in the newest orders.
 */
import { Cause, Duration, Effect, Layer, Stream } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { steadyMs } from "#shared/steady-time.ts"
import { Audit, type Audited } from "./audit.ts"
import { keyOf } from "./finding.ts"
import { LastAudit } from "./last-audit.ts"
import type { Unreached } from "./records.ts"

const newestOrders = 10_000
const wholeEveryMs = Duration.toMillis("1 hour")

/**
 * Checks at an interval until the scope closes. The interval grows up to tenfold while a check
 * would take more than a twentieth of the time, as it does when the processors are busy.
 */
export const watchLayer = ({ every }: { readonly every: Duration.Duration }) =>
  Layer.effectDiscard(Effect.gen(function* () {
    const { failed } = yield* LastAudit
    const check = Effect.timed((yield* makeCheck).pipe(
      Effect.tapError(failed),
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

const onlyLooking = { away: [], heals: false, tell: () => Effect.void }

/** Makes the check, which remembers what the previous checks found. */
const makeCheck = Effect.gen(function* () {
  const { orders } = yield* Audit
  const last = yield* LastAudit
  let newestBefore: Newest = { found: new Map(), downTo: undefined }
  let wholeAtMs = -Infinity
  return Effect.gen(function* () {
    const startedAtMs = yield* steadyMs
    const newest = yield* look(orders({ most: newestOrders }))
    if (startedAtMs - wholeAtMs >= wholeEveryMs || isChange(newestBefore, newest)) {
      const { brokenOff: [first] } = yield* last.audit(onlyLooking)
      if (first !== undefined) return yield* first.unreached
      wholeAtMs = startedAtMs
    }
    yield* last.looked
    newestBefore = newest
  })
})

interface Newest {
  /** The orders with findings, by the findings' keys. */
  readonly found: ReadonlyMap<string, OrderId | null>
  /** The oldest order that was looked at. */
  readonly downTo: OrderId | undefined
}

const look = Effect.fnUntraced(function* (audited: Stream.Stream<Audited, Unreached>) {
  const found = new Map<string, OrderId | null>()
  let downTo: OrderId | undefined
  yield* Stream.runForEach(audited, (part) =>
    Effect.sync(() => {
      for (const finding of part.findings) found.set(keyOf(finding), finding.orderId)
      downTo = part.downTo
    }))
  return { found, downTo } satisfies Newest
})

/** Whether findings came, or went for another reason than ageing out of the newest orders. */
const isChange = (before: Newest, now: Newest): boolean =>
  [...now.found.keys()].some((key) => !before.found.has(key)) ||
  [...before.found].some(([key, orderId]) =>
    !now.found.has(key) && (now.downTo === undefined || orderId! >= now.downTo)
  )
