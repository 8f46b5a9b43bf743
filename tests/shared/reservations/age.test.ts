/**
 * What a participant answers about orders that it may have forgotten. Proved: forgetting an order
 * that was final and old changes no balance, whatever comes afterwards, and however the clocks of
 * replicas differ.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import fc from "fast-check"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import {
  type Applied,
  applyCommands,
  forgettableBefore,
  type Reservation,
} from "#shared/reservations/rules.ts"

const ms = (words: Duration.Input) => Duration.toMillis(words)
const retentionMs = ms("30 days")
const madeMs = Date.UTC(2026, 0, 1)
const orderId = OrderId.make(
  firstIdAt(madeMs).replace(/0000-0000-0{12}$/, "7000-8000-000000000001"),
)

const reserve: Command = { orderId, action: "reserve", resource: "ann", quantity: 30 }
const cancel: Command = { ...reserve, action: "cancel" }
const record = (outcome: Reservation["outcome"]): Reservation => ({
  orderId,
  outcome,
  resource: "ann",
  quantity: 30,
})

/** The result of the command when the order is that old. */
const at = (ageMs: number, command: Command, known: ReadonlyArray<Reservation> = []) => {
  const records = new Map(known.map((one) => [one.orderId, one]))
  const terms = { nowMs: madeMs + ageMs, retentionMs }
  return applyCommands([command], records, new Map([["ann", 100]]), terms)
}

const nothing = (applied: Applied) =>
  assert.deepStrictEqual(applied, {
    outcomes: [{ orderId, outcome: "cancelled" }],
    recorded: [],
    givenBack: [],
    changes: new Map(),
  })

describe("an order without a record", () => {
  it("may reserve for as long as it is remembered, and no longer", () => {
    for (const ageMs of [-ms("1 hour"), 0, ms("1 minute"), retentionMs - 1_000, retentionMs]) {
      assert.deepStrictEqual(at(ageMs, reserve).recorded, [record("reserved")])
    }
    for (const ageMs of [retentionMs + 1, retentionMs + ms("1 day"), 100 * retentionMs]) {
      nothing(at(ageMs, reserve))
    }
  })

  it("is cancelled and not rejected if it is too old, even if there is not enough", () => {
    nothing(at(retentionMs + 1, { ...reserve, quantity: 101 }))
    nothing(at(retentionMs + 1, { ...reserve, resource: "nobody" }))
  })

  it("gets a tombstone until no clock would let it reserve any more", () => {
    for (const ageMs of [0, retentionMs + 1, retentionMs + ms("12 hours")]) {
      assert.deepStrictEqual(at(ageMs, cancel).recorded, [record("cancelled")])
    }
    nothing(at(retentionMs + ms("12 hours") + 1, cancel))
  })
})

describe("an order with a record", () => {
  const old = 12 * retentionMs

  it("gets the answer of its record however old it is", () => {
    assert.deepStrictEqual(at(old, reserve, [record("reserved")]).outcomes[0]!.outcome, "reserved")
    assert.deepStrictEqual(at(old, reserve, [record("rejected")]).outcomes[0]!.outcome, "rejected")
    nothing(at(old, reserve, [record("cancelled")]))
  })

  it("gives back what it held when it is undone at last", () => {
    const { changes, givenBack } = at(old, cancel, [record("reserved")])
    assert.deepStrictEqual([...changes], [["ann", 30]])
    assert.deepStrictEqual(givenBack, [record("cancelled")])
  })
})

describe("a reserve that comes after the cancel of its order", () => {
  const ages: ReadonlyArray<readonly [string, number]> = [
    ["at once", 0],
    ["a minute later", ms("1 minute")],
    ["a second before the retention ends", retentionMs - 1_000],
    ["when it ends", retentionMs],
    ["a second after", retentionMs + 1_000],
    ["when tombstones are forgotten", retentionMs + ms("1 day")],
    ["a year later", ms("365 days")],
  ]
  for (const [when, ageMs] of ages) {
    it(`is refused ${when}, and so is the next`, () => {
      const [tombstone] = at(0, cancel).recorded
      const left = madeMs < forgettableBefore(madeMs + ageMs, retentionMs) ? [] : [tombstone!]
      nothing(at(ageMs, reserve, left))
      nothing(at(ageMs, reserve, left))
      nothing(at(ageMs + ms("1 second"), { ...reserve, quantity: 1 }, left))
    })
  }
})

/**
 * An event for the nth of a few orders, a while after the previous event, by a clock that is ahead.
 */
interface Event {
  readonly kind: "reserve" | "cancel" | "forget"
  readonly n: number
  readonly afterMs: number
  readonly fastMs: number
}

const orders = [0, ms("1 hour"), ms("11 hours"), ms("1 day"), ms("29 days"), ms("60 days")]
const idOf = (n: number) =>
  OrderId.make(firstIdAt(madeMs + orders[n]!).replace(/0{12}$/, `${n}`.padStart(12, "0")))

const event: fc.Arbitrary<Event> = fc.record({
  kind: fc.constantFrom("reserve", "reserve", "cancel", "forget"),
  n: fc.nat({ max: orders.length - 1 }),
  afterMs: fc.constantFrom(
    ...[0, 1, ms("1 minute"), ms("6 hours"), ms("12 hours"), ms("1 day"), ms("10 days")],
    retentionMs - 1_000,
    retentionMs,
  ),
  fastMs: fc.nat({ max: ms("12 hours") - 1 }),
})

class Participant {
  readonly records = new Map<string, Reservation>()
  readonly balances = new Map([["ann", 5]])

  apply(command: Command, nowMs: number) {
    const terms = { nowMs, retentionMs }
    const applied = applyCommands([command], this.records, this.balances, terms)
    for (const one of [...applied.recorded, ...applied.givenBack]) {
      this.records.set(one.orderId, one)
    }
    for (const [resource, change] of applied.changes) {
      this.balances.set(resource, this.balances.get(resource)! + change)
    }
    return applied
  }
}

describe("forgetting", () => {
  it("changes no balance, whatever commands follow, and revives no cancelled order", () => {
    let forgotten = 0
    const holds = (events: ReadonlyArray<Event>, unfinished: ReadonlySet<number>) => {
      const remembers = new Participant()
      const forgets = new Participant()
      const completed = new Set<number>()
      const gone = new Set<number>()
      const cancelled = new Set<number>()
      let nowMs = madeMs
      for (const { kind, n, afterMs, fastMs } of events) {
        nowMs += afterMs
        if (kind === "forget") {
          const olderThan = forgettableBefore(nowMs + fastMs, retentionMs)
          for (const [one, ageMs] of orders.entries()) {
            if (madeMs + ageMs >= olderThan || unfinished.has(one)) continue
            // The order is final, so what is still reserved stays reserved, and nobody cancels it.
            if (forgets.records.get(idOf(one))?.outcome === "reserved") completed.add(one)
            if (forgets.records.delete(idOf(one))) forgotten++
            gone.add(one)
          }
          continue
        }
        const id = idOf(n)
        const command: Command = { orderId: id, action: kind, resource: "ann", quantity: 2 }
        const { changes, recorded, outcomes } = forgets.apply(command, nowMs + fastMs)
        if (gone.has(n)) assert.deepStrictEqual([changes.size, recorded], [0, []])
        if (cancelled.has(n)) assert.notStrictEqual(outcomes[0]!.outcome, "reserved")
        if (kind === "cancel") cancelled.add(n)
        if (kind === "reserve" || !completed.has(n)) remembers.apply(command, nowMs + fastMs)
        assert.deepStrictEqual(forgets.balances, remembers.balances)
      }
    }
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 30 }),
        fc.uniqueArray(fc.nat({ max: orders.length - 1 }), { maxLength: 2 }),
        (events, unfinished) => holds(events, new Set(unfinished)),
      ),
      { numRuns: 5_000 },
    )
    assert.isAbove(forgotten, 1_000)
  })
})
