/** Bugs of the orders service: when an order is accepted, what makes it the same order, and who changes its status. */
import type { Absorbed, Bug } from "./bug.ts"

const orders = "services/orders/orders.ts"
const register = "services/orders/register.ts"
const sweeper = "services/orders/sweeper.ts"

const begunStoring =
  `      const store = Effect.fnUntraced(function* (placement: Placement, id: string) {
        const { idempotencyKey, ...wanted } = placement
`

export const orderBugs: ReadonlyArray<Bug> = [
  {
    name: "answered-before-stored",
    what: "The customer has the answer before the order is on disk",
    seenIn: "MassTransit: a response is sent before the outbox has its row",
    edits: [{
      file: orders,
      replace: `          const inserted = yield* insert({ order, idempotencyKey, publishAt })
          if (inserted) return { order, replayed: false }
          const before = yield* placedBefore(placement)
`,
      by: `          const before = yield* placedBefore(placement)
          if (before === undefined) {
            yield* Effect.forkDetach(insert({ order, idempotencyKey, publishAt }))
            return { order, replayed: false }
          }
`,
    }],
    caughtBy: ["I5", "I6"],
  },
  {
    name: "published-before-it-is",
    what: "An order counts as published as soon as it is stored, so nobody publishes it again",
    seenIn: "outboxes that mark a message as sent before it is",
    edits: [{
      file: orders,
      replace: "new Date(now + options.republishAfterMs)",
      by: "new Date(now + 365 * 24 * 3_600_000)",
    }],
    caughtBy: ["I12"],
  },
  {
    name: "only-pending-swept",
    what: "The sweeper passes over orders that are being compensated",
    seenIn: "Medusa: a clean-up that took unfinished runs for finished ones",
    edits: [{
      file: sweeper,
      replace: "        orders.map((order) => messageOf",
      by: `        orders.filter(({ status }) => status === "pending").map((order) => messageOf`,
    }],
    caughtBy: ["I12"],
  },
  {
    name: "key-without-user",
    what:
      "Answers are found again by their idempotency key alone, so another user is given the order",
    seenIn: "DBOS: a key that is not of one recipient; the IETF draft warns of it",
    edits: [
      {
        file: orders,
        replace: begunStoring,
        by: `      const answers = new Map()
${begunStoring}        if (answers.has(idempotencyKey)) return answers.get(idempotencyKey)
`,
      },
      {
        file: orders,
        replace: "          if (inserted) return { order, replayed: false }\n",
        by: `          if (inserted) {
            answers.set(idempotencyKey, { order, replayed: true })
            return { order, replayed: false }
          }
`,
      },
    ],
    caughtBy: ["I6"],
  },
  {
    name: "key-in-memory",
    what: "Idempotency keys are kept in the memory of one replica, until it stops",
    seenIn: "services that remember in the process, with two of them behind one address",
    edits: [
      {
        file: orders,
        replace: begunStoring,
        by: `      const answers = new Map()
${begunStoring}        const key = \`\${wanted.username} \${idempotencyKey}\`
        if (answers.has(key)) return answers.get(key)
`,
      },
      {
        file: orders,
        replace: `          const inserted = yield* insert({ order, idempotencyKey, publishAt })
`,
        by:
          `          const inserted = yield* insert({ order, idempotencyKey: undefined, publishAt })
          answers.set(key, { order, replayed: true })
`,
      },
    ],
    caughtBy: ["I6"],
  },
  {
    name: "unconditional-completion",
    what: "A completion is written whatever the order's status is",
    seenIn: "DBOS, until outcomes were written while the row is still pending only",
    edits: [{
      file: register,
      replace: `return status === "pending" ? "completed" : undefined`,
      by: `return "completed"`,
    }],
    caughtBy: ["I1", "I7"],
  },
]

export const absorbedOrderBugs: ReadonlyArray<Absorbed> = [
  {
    name: "marked-before-published",
    what: "The sweeper records that it published orders, and publishes them then",
    because: "the mark is for a while only: the next sweep publishes what did not get through",
    edits: [{
      file: sweeper,
      replace:
        `  const swept = yield* store.transaction(Effect.fnUntraced(function* (table): Swept {
    const orders = yield* table.lockDue(now, batch)
    if (orders.length === 0) return Exit.succeed(0)`,
      by: `  const marked = yield* store.transaction(Effect.fnUntraced(function* (table) {
    const due = yield* table.lockDue(now, batch)
    const ids = due.map(({ id }) => id)
    if (ids.length > 0) yield* table.postpone(ids, now, { firstMs: republishAfterMs, mostMs })
    return due
  }))
  const swept = yield* store.transaction(Effect.fnUntraced(function* (): Swept {
    const table = { postpone: () => Effect.void }
    const orders = marked
    if (orders.length === 0) return Exit.succeed(0)`,
    }],
  },
]
