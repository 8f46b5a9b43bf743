/** Bugs of the participants: in their records of orders, and in their changes of balances. */
import type { Bug, Edit } from "./bug.ts"

const rules = "shared/reservations/rules.ts"
const reservations = "shared/reservations/reservations.ts"
const adjustments = "shared/reservations/adjustments.ts"

const inTheTransaction =
  "transaction((tables, last) => applyIn(tables, last, commands, retentionMs)),"

const edit = (file: string, replace: string, by: string): Edit => ({ file, replace, by })

/** Reads the balances without a lock; its transaction then writes what was computed from them. */
const readWithoutLock = (locked: string, apply: (tables: string) => string) =>
  `Effect.flatMap(
    query(({ lockResources }) => lockResources(${locked})),
    (read) =>
      transaction((tables, last) => {
        const changeBalances = (changes) =>
          Effect.flatMap(tables.lockResources([...changes.keys()], []), (now) =>
            tables.changeBalances(
              new Map([...changes].map(([name, change]) =>
                [name, read.get(name) + change - now.get(name)])),
            ))
        const lockResources = () => Effect.succeed(read)
        return ${apply("{ ...tables, lockResources, changeBalances }")}
      }),
  ),`

export const participantBugs: ReadonlyArray<Bug> = [
  {
    name: "no-tombstone",
    what:
      "A cancel that comes before its reserve leaves no trace, so the late reserve takes effect",
    seenIn: "ServiceComb Pack: the undo overtook a slow reserve",
    edits: [edit(
      rules,
      `    now.set(orderId, after)
    return { orderId, outcome: "cancelled" }`,
      `    if (before !== undefined) now.set(orderId, after)
    return { orderId, outcome: "cancelled" }`,
    )],
    caughtBy: ["I1", "I8"],
  },
  {
    name: "tombstone-dropped",
    what: "A refused late reserve removes the tombstone, so the next one takes effect",
    seenIn: "Seata: a duplicate Try deletes the fence row, whatever it says",
    edits: [
      edit(
        rules,
        "export const applyCommands = (",
        "const dropped = new Set()\nexport const applyCommands = (",
      ),
      edit(
        rules,
        "    const before = now.get(orderId)\n",
        `    let before = now.get(orderId)
    if (action === "reserve" && before?.outcome === "cancelled") {
      if (dropped.has(orderId)) before = undefined
      dropped.add(orderId)
    }
`,
      ),
    ],
    caughtBy: ["I2"],
  },
  {
    name: "remembered-outside",
    what: "The outcome is written in its own transaction, after that of the balance",
    seenIn: "Effect's queue in Redis: an entry's completion is recorded apart from its effects",
    edits: [edit(
      reservations,
      inTheTransaction,
      `Effect.suspend(() => {
        let late = []
        const insertRecords = (records) => Effect.sync(() => void (late = records))
        return Effect.tap(
          transaction((tables, last) =>
            applyIn({ ...tables, insertRecords }, last, commands, retentionMs)),
          () => transaction(({ insertRecords }) => insertRecords(late)),
        )
      }),`,
    )],
    caughtBy: ["I2"],
  },
  {
    name: "remembered-though-failed",
    what: "The order is recorded as reserved although it was rejected, so a repeat succeeds",
    seenIn: "eShop: the request's id is stored, and its handler's failure is swallowed",
    edits: [edit(
      rules,
      "      now.set(orderId, after)\n      return answerReserve",
      `      now.set(orderId, before ?? { ...after, outcome: "reserved" })\n      return answerReserve`,
    )],
    caughtBy: ["I1", "I2", "I9"],
  },
  {
    name: "rejection-not-recorded",
    what: "A rejection is not recorded, so the same reserve may succeed later",
    seenIn: "engines that take the retry of a rejected call for a new call",
    edits: [edit(
      rules,
      "touched.filter(({ orderId }) => !known.has(orderId)),",
      `touched.filter(({ orderId, outcome }) => !known.has(orderId) && outcome !== "rejected"),`,
    )],
    caughtBy: ["I1", "I6", "I9"],
  },
  {
    name: "bare-success",
    what: "A repeated reserve is answered with success instead of the recorded outcome",
    seenIn: "dtm: a duplicate gets success, not the recorded answer",
    edits: [edit(
      rules,
      "return answerReserve(command, after)",
      `return before === undefined
        ? answerReserve(command, after)
        : { orderId, outcome: "reserved" }`,
    )],
    caughtBy: ["I1", "I6"],
  },
  {
    name: "rejection-given-back",
    what: "A cancel gives back what was rejected and never taken",
    seenIn: "undo without a barrier, where an empty undo adds money",
    edits: [edit(
      rules,
      `if (before.outcome !== "reserved") return before`,
      `if (before.outcome === "cancelled") return before`,
    )],
    caughtBy: ["I2"],
  },
  {
    name: "given-back-twice",
    what: "A repeated cancel gives back again",
    seenIn: "Medusa: a retry ran one step twice",
    edits: [edit(
      rules,
      `if (before.outcome !== "reserved") return before`,
      `if (before.outcome === "rejected") return before`,
    )],
    caughtBy: ["I2"],
  },
  {
    name: "stale-balance",
    what: "The balance is read without a lock, and the computed number is written",
    seenIn: "Medusa: two orders for the last unit, and batches that sell too much",
    edits: [
      edit(
        reservations,
        "Effect.map(ReservationStore, ({ transaction }) => {",
        "Effect.map(ReservationStore, ({ query, transaction }) => {",
      ),
      edit(
        reservations,
        inTheTransaction,
        readWithoutLock(
          "commands.map(({ resource }) => resource), commands.map(({ orderId }) => orderId)",
          (tables) => `applyIn(${tables}, last, commands, retentionMs)`,
        ),
      ),
    ],
    caughtBy: ["I2"],
  },
  {
    name: "conflict-ignored",
    what: "The loser of a race to record an order still takes from the balance",
    seenIn: "an insert that ignores conflicts, beside an unconditional update",
    edits: [edit(
      reservations,
      "[insertRecords(recorded)]",
      "[Effect.catchCause(insertRecords(recorded), () => Effect.void)]",
    )],
    caughtBy: ["I2", "I8", "I9"],
  },
  {
    name: "float-money",
    what: "Money is added and subtracted in floating point",
    seenIn: "Sock Shop: sums of money in float",
    edits: [
      edit(
        rules,
        "balances.set(resource, balance - quantity)",
        "balances.set(resource, quantity === 1 ? balance - 1 : (balance / 100 - quantity / 100) * 100)",
      ),
      edit(
        rules,
        "balances.set(before.resource, balance + before.quantity)",
        `balances.set(
    before.resource,
    before.quantity === 1 ? balance + 1 : (balance / 100 + before.quantity / 100) * 100,
  )`,
      ),
    ],
    caughtBy: ["I2"],
  },
  {
    name: "restock-without-lock",
    what: "A restock reads what is left before it has the lock, and writes the computed number",
    seenIn: "shops where stock is set in a form while orders take from it",
    edits: [
      edit(
        adjustments,
        "Effect.map(ReservationStore, ({ transaction }) =>",
        "Effect.map(ReservationStore, ({ query, transaction }) =>",
      ),
      edit(
        adjustments,
        "transaction((tables, last) => adjustIn(tables, last, wanted)),",
        readWithoutLock("[wanted.resource], []", (tables) => `adjustIn(${tables}, last, wanted)`),
      ),
    ],
    caughtBy: ["I2"],
  },
  {
    name: "restock-twice",
    what: "A repeated restock is answered as before, and added again",
    seenIn: "adjustments whose key protects only the entry from a repeat",
    edits: [edit(
      adjustments,
      "if (known !== undefined) return answeredAgain(wanted, known)",
      `if (known !== undefined) {
      if (available.get(resource) + change >= 0) {
        yield* tables.changeBalances(new Map([[resource, change]]))
      }
      return answeredAgain(wanted, known)
    }`,
    )],
    caughtBy: ["I2"],
  },
]
