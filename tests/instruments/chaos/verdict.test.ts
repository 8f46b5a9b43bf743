/** The verdict: what it calls violated, and what it does not take for a test. */
import { describe, expect, it } from "vitest"
import { failpoints } from "#shared/failpoint.ts"
import type { OrderRow } from "#tests/support/books.ts"
import { noEvidence, type Submission } from "./evidence.ts"
import { judge, type Run } from "./verdict.ts"

const startMs = Date.parse("2026-01-01T00:00:00Z")

const row = (n: number, change: Partial<OrderRow> = {}): OrderRow => ({
  id: `order ${n}`,
  username: "ada",
  amount: "100",
  details: { item: 1, slot: "09:00" },
  status: "completed",
  reason: null,
  idempotency_key: `key ${n}`,
  created_at: new Date(startMs + n * 100),
  decided_at: new Date(startMs + n * 100 + 90),
  republished: 0,
  ...change,
})

const submission = (n: number, change: Partial<Submission> = {}): Submission => ({
  key: `key ${n}`,
  username: "ada",
  wish: { amount: 1, item: 1, slot: "09:00" },
  mustBe: "completed",
  sent: "once",
  cancels: false,
  cancelled: undefined,
  inCalm: true,
  atOnce: true,
  acknowledged: {
    id: `order ${n}`,
    username: "ada",
    amount: 1,
    item: 1,
    slot: "09:00",
    createdAt: "2026-01-01T00:00:00Z",
  },
  told: "completed",
  ...change,
})

const count = 1_000

/** A run of five minutes in which all holds, except for the given changes. */
const goodRun = (
  { rows = [], submissions = [], ...change }: Partial<Omit<Run, "books">> & {
    readonly rows?: ReadonlyArray<OrderRow>
    readonly submissions?: ReadonlyArray<Submission>
  } = {},
): Run => {
  const good = Array.from({ length: count }, (_, n) => n)
  const orders = new Map([...good.map((n) => row(n)), ...rows].map((order) => [order.id, order]))
  const byKey = new Map(
    [...good.map((n) => submission(n)), ...submissions].map((one) => [one.key, one]),
  )
  return {
    minutes: 5,
    evidence: {
      ...noEvidence(),
      submissions: [...byKey.values()],
      injections: [1, 2].map((n) => {
        const atMs = startMs + n * 1_000 + 50
        return { kind: "kill items", fromMs: atMs, untilMs: atMs }
      }),
      failpointsHit: new Map(failpoints.map((name) => [name, 1])),
      reconnects: [{ replica: "items", after: "kill PostgreSQL", ms: 900 }],
    },
    books: { orders, faults: [] },
    kinds: ["kill items"],
    deadlineMs: 5_000,
    mendedAtMs: startMs + count * 100,
    queue: { pending: 0, entries: 0, deadLetters: 0 },
    defects: [],
    ...change,
  }
}

const withEvidence = (change: Partial<Run["evidence"]>): Run => {
  const run = goodRun()
  return { ...run, evidence: { ...run.evidence, ...change } }
}

describe("the verdict", () => {
  it("finds nothing wrong in a run in which all holds", () => {
    expect(judge(goodRun())).toMatchObject({ violated: [], noTest: [], lost: [], double: [] })
  })

  it.each<[string, Run, RegExp]>([
    [
      "an acknowledged order that is gone",
      goodRun({ submissions: [submission(count)] }),
      /is gone/,
    ],
    [
      "a second order of one key",
      goodRun({ rows: [row(count, { idempotency_key: "key 1" })] }),
      /one more order with the key key 1/,
    ],
    ["an order that nobody sent", goodRun({ rows: [row(count)] }), /nobody sent/],
    [
      "a key that was never acknowledged",
      goodRun({ submissions: [submission(count, { acknowledged: undefined })] }),
      /never acknowledged/,
    ],
    [
      "a customer who was told something else",
      goodRun({ submissions: [submission(1, { told: "failed" })] }),
      /was told: failed/,
    ],
    [
      "an order that failed for a wrong reason",
      goodRun({
        rows: [row(1, { status: "failed", reason: "Not enough money" })],
        submissions: [submission(1, { told: "failed" })],
      }),
      /had to be completed/,
    ],
    [
      "an order that was cancelled, and whose customer was told that it came too late",
      goodRun({
        rows: [row(1, { status: "failed", reason: "Order cancelled" })],
        submissions: [submission(1, { told: "failed", cancels: true, cancelled: false })],
      }),
      /told that it was not cancelled/,
    ],
    [
      "an order that completed though its customer was told that it is cancelled",
      goodRun({ submissions: [submission(1, { cancels: true, cancelled: true })] }),
      /told that it was cancelled/,
    ],
    [
      "an order that timed out too early",
      goodRun({
        rows: [row(1, { status: "failed", reason: "Order timed out" })],
        submissions: [submission(1, { told: "failed" })],
      }),
      /timed out after only 90 ms/,
    ],
    [
      "an order that was final too late",
      goodRun({ rows: [row(1, { decided_at: new Date(startMs + count * 100 + 60_001) })] }),
      /60001 ms after the last fault/,
    ],
    [
      "a slow reconnect",
      withEvidence({ reconnects: [{ replica: "items", after: "it", ms: 10_001 }] }),
      /items was ready only 10001 ms after: it/,
    ],
    [
      "entries that are left in the queue",
      goodRun({ queue: { pending: 1, entries: 2, deadLetters: 0 } }),
      /2 entries are left in the queue, 1 of them pending/,
    ],
    [
      "dead letters",
      goodRun({ queue: { pending: 0, entries: 0, deadLetters: 1 } }),
      /1 entries became dead letters/,
    ],
    [
      "an event that must not happen",
      withEvidence({ wrong: ["items ended by itself"] }),
      /items end/,
    ],
    ["defects in the logs", goodRun({ defects: ["items met a defect"] }), /met a defect/],
  ])("calls %s a violation", (_name, run, expected) => {
    const { violated, noTest } = judge(run)
    expect(violated).toHaveLength(1)
    expect(violated[0]).toMatch(expected)
    expect(noTest).toEqual([])
  })

  it("lets an order time out after its deadline", () => {
    const rows = [row(1, {
      status: "failed",
      reason: "Order timed out",
      decided_at: new Date(startMs + 100 + 5_000),
    })]
    const run = goodRun({ rows, submissions: [submission(1, { told: "failed" })] })
    expect(judge(run).violated).toEqual([])
  })

  it.each<[string, Run, RegExp]>([
    [
      "faults that came while nothing was in flight",
      withEvidence({
        injections: [1, 2].map(() => ({
          kind: "kill items",
          fromMs: startMs + 95,
          untilMs: startMs + 99,
        })),
      }),
      /"kill items" hit 0 times with orders in flight, not 2/,
    ],
    [
      "a failpoint that was not hit",
      withEvidence({ failpointsHit: new Map(failpoints.slice(1).map((name) => [name, 1])) }),
      /the failpoint "auth.user stored" was not hit/,
    ],
    ["a run that saw no reconnect", withEvidence({ reconnects: [] }), /no reconnect/],
    ["too few orders", goodRun({ minutes: 6 }), /1000 orders are fewer than 1200/],
    [
      "customers that were not served while nothing was broken",
      withEvidence({
        submissions: goodRun().evidence.submissions.map((one, n) => ({
          ...one,
          atOnce: n % 10 < 7,
        })),
      }),
      /of 1000 submissions outside fault windows only 700 were fine/,
    ],
  ])("does not accept as a test: %s", (_name, run, expected) => {
    const { violated, noTest } = judge(run)
    expect(violated).toEqual([])
    expect(noTest).toHaveLength(1)
    expect(noTest[0]).toMatch(expected)
  })

  it("requires orders and a calm of a short run, but not every fault", () => {
    const run = withEvidence({ injections: [], failpointsHit: new Map(), reconnects: [] })
    expect(judge({ ...run, minutes: 1 }).noTest).toEqual([])
    expect(judge({ ...run, minutes: 2 }).noTest).toHaveLength(2 + failpoints.length)
  })
})
