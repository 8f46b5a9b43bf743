/**
 * Bugs of the orders service: in accepting orders, in idempotency keys, in changes of status, and
 * in limits.
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
    what: "The customer is answered before the order is on disk",
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
    what: "The sweeper skips compensating orders",
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
    what: "The sweeper marks orders as published for good, before it publishes them",
    seenIn: "outbox relays that delete a row before they send it",
    edits: [{
      file: sweeper,
      replace: "{ firstMs: republishAfterMs, mostMs }",
      by: "{ firstMs: 365 * 24 * 3_600_000, mostMs: 365 * 24 * 3_600_000 }",
    }],
    caughtBy: ["I12"],
  },
  {
    name: "key-without-user",
    what: "Answers are found by the idempotency key alone, so another user gets the order",
    seenIn: "DBOS: a key that is not bound to one recipient; the IETF draft warns of it",
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
    what: "Idempotency keys are kept in one replica's memory, until it stops",
    seenIn: "services that keep keys in memory, with two replicas behind one address",
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
    what: "A completion is written regardless of the order's status",
    seenIn: "DBOS, before it wrote outcomes only to rows that are still pending",
    edits: [{
      file: register,
      replace: `return status === "pending" ? "completed" : undefined`,
      by: `return "completed"`,
    }],
    caughtBy: ["I1", "I7"],
  },
  {
    name: "cancel-without-undo",
    what: "A cancel ends the order at once, and its reservations stay held",
    seenIn: "engines that offer as cancel a terminate that runs no compensation",
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
    what: "A user's unfinished orders are counted up and never down, until the user is locked out",
    seenIn: "limits whose counters miss ends that nobody reports",
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
    what: "An answered request keeps its place, until no place is left",
    seenIn: "semaphores that are released on one path and not on another",
    edits: [{
      file: "services/orders/room.ts",
      replace: "leave: (username: string) => change(username, -1)",
      by: "leave: (_username: string) => {}",
    }],
    caughtBy: ["I12"],
  },
  {
    name: "gone-let-in",
    what: "A request that was refused after its wait is let in nevertheless, and never leaves",
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
    because: "the sweeper also takes orders that are due later than any wait allows",
    edits: [{
      file: intake,
      replace: "order.createdAt.getTime() + options.republishAfterMs",
      by: "order.createdAt.getTime() + 365 * 24 * 3_600_000",
    }],
  },
]
