/**
 * Bugs of the orders service: when an order is accepted, what makes it the same order, and who
 * changes its status.
 */
import type { Absorbed, Bug } from "./bug.ts"

const intake = "services/orders/intake.ts"
const register = "services/orders/register.ts"
const sweeper = "services/orders/sweeper.ts"
const unfinished = "services/orders/unfinished.ts"

const begunStoring =
  `      const store = Effect.fnUntraced(function* (placement: Placement, id: OrderId) {
        const { idempotencyKey } = placement
`

export const orderBugs: ReadonlyArray<Bug> = [
  {
    name: "answered-before-stored",
    what: "The customer has the answer before the order is on disk",
    seenIn: "MassTransit: a response is sent before the outbox has its row",
    edits: [{
      file: intake,
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
    name: "only-pending-swept",
    what: "The sweeper passes over orders that are being compensated",
    seenIn: "Medusa: a clean-up that took unfinished runs for finished ones",
    edits: [{
      file: sweeper,
      replace: "queue.publish(orders.map(messageOf))",
      by: `queue.publish(orders.filter(({ status }) => status === "pending").map(messageOf))`,
    }],
    caughtBy: ["I12"],
  },
  {
    name: "swept-for-good",
    what: "The sweeper records for good that it published orders, before it does",
    seenIn: "outbox relays that strike out a row first and send it then",
    edits: [{
      file: sweeper,
      replace: "{ firstMs: republishAfterMs, mostMs }",
      by: "{ firstMs: 365 * 24 * 3_600_000, mostMs: 365 * 24 * 3_600_000 }",
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
        file: intake,
        replace: begunStoring,
        by: `      const answers = new Map()
${begunStoring}        if (answers.has(idempotencyKey)) return answers.get(idempotencyKey)
`,
      },
      {
        file: intake,
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
        file: intake,
        replace: begunStoring,
        by: `      const answers = new Map()
${begunStoring}        const key = \`\${placement.username} \${idempotencyKey}\`
        if (answers.has(key)) return answers.get(key)
`,
      },
      {
        file: intake,
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
  {
    name: "cancel-without-undo",
    what: "A cancel ends the order at once, and whatever is held for it stays held",
    seenIn: "engines whose terminate runs no compensation, offered as cancel",
    edits: [{
      file: register,
      replace: `      if (status === "pending") return "compensating"
`,
      by: `      if (status === "pending") {
        return decision.reason === "Order cancelled" ? "failed" : "compensating"
      }
`,
    }],
    caughtBy: ["I1", "I7"],
  },
  {
    name: "ends-not-counted",
    what: "What a user has unfinished is counted up and never down, so that the user is locked out",
    seenIn: "limits whose counters miss the ends that nobody reports",
    edits: [{
      file: unfinished,
      replace: `        total = counted.total
        users = new Map(counted.users)
`,
      by: `        for (const [username, count] of counted.users) {
          add(username, Math.max(0, count - (users.get(username) ?? 0)))
        }
`,
    }],
    caughtBy: ["I12"],
  },
  {
    name: "place-kept",
    what: "A request keeps its place when it is answered, until there is none for anybody",
    seenIn: "semaphores that are given back on one way out and not on another",
    edits: [{
      file: "services/orders/room.ts",
      replace: "leave: (username: string) => change(username, -1)",
      by: "leave: (_username: string) => {}",
    }],
    caughtBy: ["I12"],
  },
  {
    name: "gone-let-in",
    what: "Who was told that it has waited in vain is let in all the same, and never leaves",
    seenIn: "pools that hand a connection to a caller whose wait has timed out",
    edits: [{
      file: "services/orders/line.ts",
      replace: `        leave(one)
        const told`,
      by: `        const told`,
    }],
    caughtBy: ["I12"],
  },
]

export const absorbedOrderBugs: ReadonlyArray<Absorbed> = [
  {
    name: "published-before-it-is",
    what: "An order counts as published as soon as it is stored, so nobody publishes it again",
    because: "the sweeper takes what is due later than any wait makes it",
    edits: [{
      file: intake,
      replace: "order.createdAt.getTime() + options.republishAfterMs",
      by: "order.createdAt.getTime() + 365 * 24 * 3_600_000",
    }],
  },
]
