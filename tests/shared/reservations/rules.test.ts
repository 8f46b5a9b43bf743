/** The table of the participant protocol, cell by cell, and what a batch adds to it. */
import { assert, describe, it } from "@effect/vitest"
import type { OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { applyCommands, type Reservation } from "#shared/reservations/rules.ts"

const orderId = "00000000-0000-7000-8000-000000000001" as OrderId
const other = "00000000-0000-7000-8000-000000000002" as OrderId
const terms = { nowMs: 0, retentionMs: 0 }

const reserve = (quantity = 30, resource = "ann", id = orderId): Command => ({
  orderId: id,
  action: "reserve",
  resource,
  quantity,
})
const cancel = (quantity = 30, resource = "ann", id = orderId): Command => ({
  ...reserve(quantity, resource, id),
  action: "cancel",
})
const record = (outcome: Reservation["outcome"], quantity = 30, resource = "ann"): Reservation => ({
  orderId,
  outcome,
  resource,
  quantity,
})

const reserved = { orderId, outcome: "reserved" } as const
const rejected = { orderId, outcome: "rejected" } as const
const cancelled = { orderId, outcome: "cancelled" } as const
const mismatch = { orderId, outcome: "mismatch" } as const

/** The results of the commands, when ann has 100 and bob 0, in a form that can be compared. */
const outcome = (
  commands: ReadonlyArray<Command>,
  known: ReadonlyArray<Reservation> = [],
  available: Readonly<Record<string, number>> = { ann: 100, bob: 0 },
) => {
  const records = new Map(known.map((one) => [one.orderId, one]))
  const balances = new Map(Object.entries(available))
  const applied = applyCommands(commands, records, balances, terms)
  assert.deepStrictEqual([...records.values()], known, "the given records are unchanged")
  assert.deepStrictEqual(Object.fromEntries(balances), available, "the given balances are kept")
  return { ...applied, changes: Object.fromEntries(applied.changes) }
}

type Row = readonly [
  name: string,
  actual: () => ReturnType<typeof outcome>,
  expected: ReturnType<typeof outcome>,
]

const nothing = { recorded: [], givenBack: [], changes: {} }

describe("a reserve", () => {
  const rows: ReadonlyArray<Row> = [
    [
      "of an order without a record takes what there is",
      () => outcome([reserve(30)]),
      {
        outcomes: [reserved],
        recorded: [record("reserved")],
        givenBack: [],
        changes: { ann: -30 },
      },
    ],
    [
      "takes all that there is",
      () => outcome([reserve(100)]),
      {
        outcomes: [reserved],
        recorded: [record("reserved", 100)],
        givenBack: [],
        changes: { ann: -100 },
      },
    ],
    [
      "of one more than there is is rejected, and that is recorded",
      () => outcome([reserve(101)]),
      { ...nothing, outcomes: [rejected], recorded: [record("rejected", 101)] },
    ],
    [
      "of an unknown resource is rejected, and that is recorded",
      () => outcome([reserve(1, "nobody")]),
      { ...nothing, outcomes: [rejected], recorded: [record("rejected", 1, "nobody")] },
    ],
    [
      "takes the whole of the largest balance exactly",
      () => outcome([reserve(Number.MAX_SAFE_INTEGER)], [], { ann: Number.MAX_SAFE_INTEGER }),
      {
        outcomes: [reserved],
        recorded: [record("reserved", Number.MAX_SAFE_INTEGER)],
        givenBack: [],
        changes: { ann: -Number.MAX_SAFE_INTEGER },
      },
    ],
    [
      "repeated is reserved again, and takes nothing",
      () => outcome([reserve()], [record("reserved")]),
      { ...nothing, outcomes: [reserved] },
    ],
    [
      "repeated with another quantity is a mismatch",
      () => outcome([reserve(31)], [record("reserved")]),
      { ...nothing, outcomes: [mismatch] },
    ],
    [
      "repeated for another resource is a mismatch",
      () => outcome([reserve(30, "bob")], [record("reserved")]),
      { ...nothing, outcomes: [mismatch] },
    ],
    [
      "repeated for an unknown resource is a mismatch",
      () => outcome([reserve(30, "nobody")], [record("reserved")]),
      { ...nothing, outcomes: [mismatch] },
    ],
    [
      "that was rejected stays rejected, even if there is enough by now",
      () => outcome([reserve()], [record("rejected")]),
      { ...nothing, outcomes: [rejected] },
    ],
    [
      "that was rejected stays rejected with another payload",
      () => outcome([reserve(1, "bob")], [record("rejected")]),
      { ...nothing, outcomes: [rejected] },
    ],
    [
      "after a cancel is refused",
      () => outcome([reserve()], [record("cancelled")]),
      { ...nothing, outcomes: [cancelled] },
    ],
    [
      "after a cancel is refused with another payload",
      () => outcome([reserve(1, "bob")], [record("cancelled")]),
      { ...nothing, outcomes: [cancelled] },
    ],
  ]
  for (const [name, actual, expected] of rows) {
    it(name, () => assert.deepStrictEqual<unknown>(actual(), expected))
  }
})

describe("a cancel", () => {
  const rows: ReadonlyArray<Row> = [
    [
      "of an order without a record leaves a tombstone",
      () => outcome([cancel()]),
      { ...nothing, outcomes: [cancelled], recorded: [record("cancelled")] },
    ],
    [
      "of an unknown resource leaves a tombstone",
      () => outcome([cancel(1, "nobody")]),
      { ...nothing, outcomes: [cancelled], recorded: [record("cancelled", 1, "nobody")] },
    ],
    [
      "gives back what was reserved",
      () => outcome([cancel()], [record("reserved")]),
      {
        ...nothing,
        outcomes: [cancelled],
        givenBack: [record("cancelled")],
        changes: { ann: 30 },
      },
    ],
    [
      "gives back what the record says, not what the command says",
      () => outcome([cancel(7, "bob")], [record("reserved")]),
      {
        ...nothing,
        outcomes: [cancelled],
        givenBack: [record("cancelled")],
        changes: { ann: 30 },
      },
    ],
    [
      "of a reservation of a resource that is gone gives nothing back",
      () => outcome([cancel()], [record("reserved")], { bob: 0 }),
      { ...nothing, outcomes: [cancelled], givenBack: [record("cancelled")] },
    ],
    [
      "of a rejected order has nothing to give back, and the record stays",
      () => outcome([cancel()], [record("rejected")]),
      { ...nothing, outcomes: [cancelled] },
    ],
    [
      "of a rejected order answers rejected, also with another payload",
      () => outcome([cancel(1, "bob")], [record("rejected")]),
      { ...nothing, outcomes: [cancelled] },
    ],
    [
      "repeated gives nothing back again",
      () => outcome([cancel()], [record("cancelled")]),
      { ...nothing, outcomes: [cancelled] },
    ],
  ]
  for (const [name, actual, expected] of rows) {
    it(name, () => assert.deepStrictEqual<unknown>(actual(), expected))
  }
})

describe("a batch", () => {
  it("takes once what is reserved twice in it", () => {
    const { outcomes, recorded, changes } = outcome([reserve(), reserve(), reserve()])
    assert.deepStrictEqual(outcomes, [reserved, reserved, reserved])
    assert.deepStrictEqual(recorded, [record("reserved")])
    assert.deepStrictEqual(changes, { ann: -30 })
  })

  it("detects a mismatch within itself", () => {
    const { outcomes, changes } = outcome([reserve(30), reserve(40), reserve(30)])
    assert.deepStrictEqual(outcomes, [reserved, mismatch, reserved])
    assert.deepStrictEqual(changes, { ann: -30 })
  })

  it("refuses the reserve that follows its cancel", () => {
    const { outcomes, recorded, givenBack, changes } = outcome([cancel(), reserve(), reserve(1)])
    assert.deepStrictEqual(outcomes, [cancelled, cancelled, cancelled])
    assert.deepStrictEqual({ recorded, givenBack, changes }, {
      ...nothing,
      recorded: [record("cancelled")],
    })
  })

  it("gives back what it reserved, and leaves the balance unchanged", () => {
    const { outcomes, recorded, givenBack, changes } = outcome([reserve(), cancel(), reserve()])
    assert.deepStrictEqual(outcomes, [reserved, cancelled, cancelled])
    assert.deepStrictEqual({ recorded, givenBack, changes }, {
      ...nothing,
      recorded: [record("cancelled")],
    })
  })

  it("gives back once what is cancelled twice in it", () => {
    const { outcomes, givenBack, changes } = outcome([cancel(), cancel()], [record("reserved")])
    assert.deepStrictEqual(outcomes, [cancelled, cancelled])
    assert.deepStrictEqual(givenBack, [record("cancelled")])
    assert.deepStrictEqual(changes, { ann: 30 })
  })

  it("serves an order from what an earlier one gives back", () => {
    const { outcomes, changes } = outcome(
      [reserve(30, "ann", other), cancel(30, "ann"), reserve(30, "ann", other)],
      [record("reserved")],
      { ann: 10 },
    )
    assert.deepStrictEqual(outcomes.map(({ outcome }) => outcome), [
      "rejected",
      "cancelled",
      "rejected",
    ])
    assert.deepStrictEqual(changes, { ann: 30 })
    const later = outcome([cancel(30, "ann"), reserve(30, "ann", other)], [record("reserved")], {
      ann: 0,
    })
    assert.deepStrictEqual(later.outcomes.map(({ outcome }) => outcome), ["cancelled", "reserved"])
    assert.deepStrictEqual(later.changes, {})
  })

  it("gives the last unit of a resource to the first order that asks", () => {
    const { outcomes, changes } = outcome([reserve(60), reserve(60, "ann", other)])
    assert.deepStrictEqual(outcomes, [reserved, { ...rejected, orderId: other }])
    assert.deepStrictEqual(changes, { ann: -60 })
  })

  it("lets one bad command fail alone", () => {
    const { outcomes, changes } = outcome([
      reserve(31),
      reserve(1, "nobody", other),
      reserve(5, "ann", "00000000-0000-7000-8000-000000000003" as OrderId),
    ], [record("reserved")])
    assert.deepStrictEqual(outcomes.map(({ outcome }) => outcome), [
      "mismatch",
      "rejected",
      "reserved",
    ])
    assert.deepStrictEqual(changes, { ann: -5 })
  })
})
