/**
 * The audit: joins the records of billing, items and slots with the orders, a page of each at a
 * time, so that it needs the same memory for any number of orders. The pages are not a snapshot, so
 * whatever looks wrong is checked a second time. Orders are read before participants: what is final
 * then changes no more.
 */
import { Clock, Context, Duration, Effect, Layer, Stream } from "effect"
import type { OrderId } from "#shared/contracts/order.ts"
import { PeerClocks } from "#shared/http/peer-clocks.ts"
import { type AuditTerms, type Finding, judge, judgeBooks, keyOf, type Verdict } from "./finding.ts"
import { highest, justAbove, justBelow } from "./order-range.ts"
import { Records, type Unreached } from "./records.ts"
import { type Round, rounds } from "./rounds.ts"

/** The orders between two ids, both exclusive; without bounds, all that are not forgotten. */
export interface AuditRange {
  readonly before?: OrderId | undefined
  readonly after?: OrderId | undefined
  /** Only this many of them, the newest. */
  readonly most?: number | undefined
}

/** The result of a part of the audit; an audit is the sum of its parts. */
export interface Audited {
  readonly findings: ReadonlyArray<Finding>
  /** Numbers of orders, by verdict. */
  readonly allHeld: number
  readonly noneHeld: number
  readonly inFlight: number
  readonly inQuestion: number
  /** Accounts, items and slots whose books were checked. */
  readonly resources: number
  /** The oldest order of the part; undefined when it reaches the end of the range. */
  readonly downTo: OrderId | undefined
}

export class Audit extends Context.Service<Audit, {
  /** Audits orders, newest first. Fails with Unreached. */
  readonly orders: (range: AuditRange) => Stream.Stream<Audited, Unreached>
  /** Audits the books of all resources. Fails with Unreached. */
  readonly books: Stream.Stream<Audited, Unreached>
}>()("unwind/orchestrator/Audit") {}

/** The time for undoing an order after its deadline. */
const margin = Duration.minutes(1)

/** `deadline`: how long after its creation an undecided order is aborted. */
export const auditLayer = (
  { deadline }: { readonly deadline: Duration.Duration },
): Layer.Layer<Audit, never, Records> =>
  Layer.effect(
    Audit,
    Effect.map(Records, (records) => {
      const overdueMs = Duration.toMillis(Duration.sum(deadline, margin))
      return Audit.of({
        orders: (range) => auditOrders(records, range, overdueMs),
        books: Stream.mapEffect(Stream.fromIterable(records.participants), (name) =>
          Effect.map(records.balance(name), (balance) => ({
            ...nothing,
            findings: judgeBooks(name, balance),
            resources: balance.resources,
          }))),
      })
    }),
  )

const nothing: Audited = {
  findings: [],
  allHeld: 0,
  noneHeld: 0,
  inFlight: 0,
  inQuestion: 0,
  resources: 0,
  downTo: undefined,
}

const auditOrders = (
  records: Records["Service"],
  { before, after, most }: AuditRange,
  overdueMs: number,
): Stream.Stream<Audited, Unreached> =>
  Stream.unwrap(Effect.gen(function* () {
    const memory = yield* recall(records)
    const audited = (range: AuditRange) =>
      Stream.mapEffect(
        rounds(records, { before: range.before, after: range.after }, range.most),
        (round) => auditRound(records, round, { isForgotten: memory.isForgotten, overdueMs }),
      )
    const remembered = audited({ before, after: highest(after, memory.after), most })
    if (most !== undefined) return remembered
    const older = memory.older.filter((id) =>
      (before === undefined || id < before) && (after === undefined || id > after)
    )
    return Stream.concat(
      remembered,
      Stream.flatMap(
        Stream.fromIterable(older),
        (id) => audited({ before: justAbove(id), after: justBelow(id) }),
      ),
    )
  }))

interface Memory extends Pick<AuditTerms, "isForgotten"> {
  /** Every participant that is asked has forgotten the orders up to this one. */
  readonly after: OrderId | undefined
  /** Older orders for which participants may still have records, newest first. */
  readonly older: ReadonlyArray<OrderId>
}

/** What there is to audit: the orders that were not forgotten, and those that cannot have been. */
const recall = Effect.fnUntraced(function* (records: Records["Service"]) {
  const { participants } = records
  const [forgotten, { oldest }] = yield* Effect.all([
    Effect.forEach(participants, records.forgotten, { concurrency: "unbounded" }),
    records.unfinished,
  ], { concurrency: "unbounded" })
  const first = forgotten.map(({ before }) => before).sort()[0]
  const spared = forgotten.map(({ spared }) => new Set(spared))
  const older = new Set([
    ...spared.flatMap((ids) => [...ids]),
    ...(oldest === null ? [] : [oldest]),
  ])
  return {
    // A participant that is not asked may have forgotten anything.
    isForgotten: (participant, orderId) => {
      const n = participants.indexOf(participant)
      return n < 0 || (orderId < forgotten[n]!.before && !spared[n]!.has(orderId))
    },
    after: first && justBelow(first),
    older: first === undefined ? [] : [...older].filter((id) => id < first).sort().reverse(),
  } satisfies Memory as Memory
})

/** The time by the clock that dates orders: that of the orders service, which has just answered. */
const ordersMs = Effect.gen(function* () {
  const clocks = yield* PeerClocks
  return clocks.timeOf("orders", yield* Clock.Clock).nowMs
})

const auditRound = Effect.fnUntraced(
  function* (records: Records["Service"], round: Round, given: Omit<AuditTerms, "nowMs">) {
    const terms = { ...given, nowMs: yield* ordersMs }
    const verdicts = round.orders.map((order) => judge(order, terms))
    const suspects = verdicts.flatMap((verdict) => isSound(verdict) ? [] : verdict)
    const again = suspects.length === 0 ? [] : yield* lookAgain(records, round, suspects, terms)
    return tally([...verdicts.filter(isSound), ...again], round)
  },
)

/**
 * Reads the suspects once more: a finding that shows both times does not come from pages of
 * different moments.
 */
const lookAgain = Effect.fnUntraced(
  function* (
    records: Records["Service"],
    { range }: Round,
    suspects: ReadonlyArray<Finding>,
    { overdueMs }: AuditTerms,
  ) {
    const ids = new Set(suspects.map(({ orderId }) => orderId))
    const found = yield* rounds(records, range).pipe(
      Stream.map(({ orders }) => orders.filter(({ orderId }) => ids.has(orderId))),
      Stream.runCollect,
    )
    const { isForgotten } = yield* recall(records)
    const terms = { isForgotten, overdueMs, nowMs: yield* ordersMs }
    const keys = new Set(suspects.map(keyOf))
    return found.flat().map((order): Verdict => {
      const verdict = judge(order, terms)
      if (isSound(verdict)) return verdict
      const confirmed = verdict.filter((finding) => keys.has(keyOf(finding)))
      return confirmed.length === 0 ? "in flight" : confirmed
    })
  },
)

const isSound = (verdict: Verdict): verdict is Exclude<Verdict, ReadonlyArray<Finding>> =>
  typeof verdict === "string"

const tally = (verdicts: ReadonlyArray<Verdict>, { downTo }: Round): Audited => {
  const count = (wanted: Verdict) => verdicts.filter((verdict) => verdict === wanted).length
  const findings = verdicts.flatMap((verdict) => isSound(verdict) ? [] : [verdict])
  return {
    ...nothing,
    findings: findings.flat(),
    allHeld: count("all held"),
    noneHeld: count("none held"),
    inFlight: count("in flight"),
    inQuestion: findings.length,
    downTo,
  }
}
