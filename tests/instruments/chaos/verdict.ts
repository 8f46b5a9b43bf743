/**
 * The verdict on a run. `violated`: promises that the system did not keep. `noTest`: why the run
 * proves nothing, because the faults did not really hit. Pure: it depends only on the evidence, the
 * books and the times.
 */
import { failpoints } from "#shared/failpoint.ts"
import type { Books, OrderRow } from "#tests/support/books.ts"
import type { Evidence, Injection, Reconnect, Submission } from "./evidence.ts"

/** The limits that must hold. */
export const limits = {
  finalWithinMs: 60_000,
  readyWithinMs: 10_000,
  /** The part of submissions in calms that must be acknowledged at the first attempt. */
  fineInCalm: 0.8,
  timesOfEachKind: 2,
  ordersPerMinute: 200,
  /** A shorter run has no time for all faults. */
  fullRunMinutes: 2,
}

export interface Run {
  readonly minutes: number
  readonly evidence: Evidence
  readonly books: Books
  /** All kinds of faults. */
  readonly kinds: ReadonlyArray<string>
  readonly deadlineMs: number
  /** When the last fault was mended. */
  readonly mendedAtMs: number
  /** What the order queue had when everything was final. */
  readonly queue: {
    readonly pending: number
    readonly entries: number
    readonly deadLetters: number
  }
  /** Lines of the services' logs that report a defect. */
  readonly defects: ReadonlyArray<string>
}

export interface KindCount {
  readonly kind: string
  readonly times: number
  /** How many of them hit while an order was in flight. */
  readonly amidOrders: number
}

export interface Verdict {
  readonly lost: ReadonlyArray<string>
  readonly double: ReadonlyArray<string>
  readonly halfDone: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<KindCount>
  readonly finalAfterMs: number
  readonly slowestOrderMs: number
  readonly slowestReconnect: Reconnect | undefined
  readonly madeInCalm: number
  readonly fineInCalm: number
  readonly violated: ReadonlyArray<string>
  readonly noTest: ReadonlyArray<string>
}

export const judge = (run: Run): Verdict => {
  const { books, evidence, mendedAtMs } = run
  const { submissions, reconnects } = evidence
  const inCalm = submissions.filter((submission) => submission.inCalm)
  const decided = [...books.orders.values()].flatMap(({ created_at, decided_at }) =>
    decided_at === null ? [] : [{ created: created_at.getTime(), final: decided_at.getTime() }]
  )
  const measured = {
    ...comparedWithBooks(submissions, books),
    halfDone: books.faults,
    kinds: run.kinds.map((kind) => countKind(kind, evidence.injections, books)),
    finalAfterMs: longest(decided.map(({ final }) => final - mendedAtMs)),
    slowestOrderMs: longest(decided.map(({ created, final }) => final - created)),
    slowestReconnect: reconnects.reduce<Reconnect | undefined>(
      (slowest, one) => slowest === undefined || one.ms > slowest.ms ? one : slowest,
      undefined,
    ),
    madeInCalm: inCalm.length,
    fineInCalm: inCalm.filter(({ atOnce }) => atOnce).length,
  }
  return { ...measured, violated: violations(run, measured), noTest: whyNoTest(run, measured) }
}

const longest = (times: ReadonlyArray<number>) => times.reduce((a, b) => Math.max(a, b), 0)

type Measured = Omit<Verdict, "violated" | "noTest">

const comparedWithBooks = (submissions: ReadonlyArray<Submission>, { orders }: Books) => {
  const keys = new Map(submissions.map(({ key }) => [key, 0]))
  const double: Array<string> = []
  for (const { id, idempotency_key } of orders.values()) {
    const before = keys.get(idempotency_key ?? "none")
    if (before === undefined) double.push(`${id} is an order that nobody sent`)
    else if (before > 0) double.push(`${id} is one more order with the key ${idempotency_key}`)
    if (idempotency_key !== null) keys.set(idempotency_key, (before ?? 0) + 1)
  }
  const lost = submissions.flatMap(({ acknowledged, key }) =>
    acknowledged && !orders.has(acknowledged.id)
      ? [`${acknowledged.id} (key ${key}) was acknowledged and is gone`]
      : []
  )
  return { lost, double }
}

const inFlightDuring = ({ fromMs, untilMs }: Injection, rows: ReadonlyArray<OrderRow>) =>
  rows.some(({ created_at, decided_at }) =>
    created_at.getTime() <= untilMs && (decided_at?.getTime() ?? Infinity) >= fromMs
  )

const countKind = (
  kind: string,
  injections: ReadonlyArray<Injection>,
  { orders }: Books,
): KindCount => {
  const ofKind = injections.filter((injection) => injection.kind === kind)
  const rows = [...orders.values()]
  const amid = ofKind.filter((injection) => inFlightDuring(injection, rows))
  return { kind, times: ofKind.length, amidOrders: amid.length }
}

const violations = (run: Run, measured: Measured): ReadonlyArray<string> => {
  const { evidence, queue } = run
  const late = evidence.reconnects.filter(({ ms }) => ms > limits.readyWithinMs)
  return [
    ...measured.lost,
    ...measured.double,
    ...measured.halfDone,
    ...evidence.submissions.flatMap((submission) => wrongEnd(submission, run)),
    ...evidence.wrong,
    ...run.defects,
    ...late.map(({ replica, after, ms }) => `${replica} was ready only ${ms} ms after: ${after}`),
    ...(measured.finalAfterMs > limits.finalWithinMs
      ? [`The last order was final only ${measured.finalAfterMs} ms after the last fault`]
      : []),
    ...(queue.pending + queue.entries > 0
      ? [`${queue.entries} entries are left in the queue, ${queue.pending} of them pending`]
      : []),
    ...(queue.deadLetters > 0 ? [`${queue.deadLetters} entries became dead letters`] : []),
  ]
}

/** Compares the end of a submission's order with its wish, and with what the customer was told. */
const wrongEnd = (
  { key, acknowledged, mustBe, told, cancelled = false }: Submission,
  { books, deadlineMs }: Run,
): ReadonlyArray<string> => {
  if (acknowledged === undefined) return [`The key ${key} was never acknowledged`]
  const row = books.orders.get(acknowledged.id)
  if (row === undefined) return []
  const { id, status, reason, created_at, decided_at } = row
  const wrong: Array<string> = []
  if (told !== status) wrong.push(`${id} is ${status}, and its customer was told: ${told}`)
  if (row.idempotency_key !== key) wrong.push(`${id} has another key than it was sent with`)
  const isCancelled = status === "failed" && reason === "Order cancelled"
  if (isCancelled !== cancelled) {
    const was = cancelled ? "was" : "was not"
    wrong.push(`${id} is ${status} (${reason}), and its customer was told that it ${was} cancelled`)
  }
  if (reason === "Order timed out") {
    const livedMs = (decided_at?.getTime() ?? 0) - created_at.getTime()
    if (livedMs < deadlineMs) wrong.push(`${id} timed out after only ${livedMs} ms`)
  } else if (status !== mustBe && !isCancelled) {
    wrong.push(`${id} is ${status} (${reason ?? "no reason"}) and had to be ${mustBe}`)
  }
  return wrong
}

const whyNoTest = ({ minutes, evidence }: Run, measured: Measured): ReadonlyArray<string> => {
  const { timesOfEachKind, ordersPerMinute } = limits
  const { kinds, fineInCalm, madeInCalm } = measured
  const coverage = minutes < limits.fullRunMinutes ? [] : [
    ...kinds.filter(({ amidOrders }) => amidOrders < timesOfEachKind).map(({ kind, amidOrders }) =>
      `"${kind}" hit ${amidOrders} times with orders in flight, not ${timesOfEachKind}`
    ),
    ...failpoints.filter((name) => !evidence.failpointsHit.has(name)).map((name) =>
      `the failpoint "${name}" was not hit`
    ),
    ...(evidence.reconnects.length === 0 ? ["no reconnect was measured"] : []),
  ]
  const acknowledged = evidence.submissions.filter(({ acknowledged }) => acknowledged).length
  return [
    ...coverage,
    ...(acknowledged < ordersPerMinute * minutes
      ? [`${acknowledged} orders are fewer than ${Math.ceil(ordersPerMinute * minutes)}`]
      : []),
    ...(fineInCalm < limits.fineInCalm * madeInCalm || madeInCalm === 0
      ? [`of ${madeInCalm} submissions outside fault windows only ${fineInCalm} were fine`]
      : []),
  ]
}
