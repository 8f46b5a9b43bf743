/** Bugs of the participants: what they remember of an order, and how they change what is left. */
import type { Bug, Edit } from "./bug.ts"

const rules = "shared/reservations/rules.ts"
const reservations = "shared/reservations/reservations.ts"
const adjustments = "shared/reservations/adjustments.ts"

const inTheTransaction =
  "transaction((tables, last) => applyIn(tables, last, commands, retentionMs)),"

const participant = (file: string, replace: string, by: string): ReadonlyArray<Edit> => [
  { file, replace, by },
]

export const participantBugs: ReadonlyArray<Bug> = [
  {
    name: "no-tombstone",
    what:
      "A cancel that comes before its reserve leaves no trace, so the late reserve takes effect",
    seenIn: "ServiceComb Pack: the undo overtook a slow reserve",
    edits: participant(
      rules,
      `    now.set(orderId, after)
    return { orderId, outcome: "cancelled" }`,
      `    if (before !== undefined) now.set(orderId, after)
    return { orderId, outcome: "cancelled" }`,
    ),
    caughtBy: ["I1", "I8"],
  },
  {
    name: "tombstone-dropped",
    what: "A late reserve that is refused takes the tombstone away, so the next one takes effect",
    seenIn: "Seata: a duplicate Try deletes the fence row, whatever it says",
    edits: [
      ...participant(
        rules,
        "export const applyCommands = (",
        "const dropped = new Set()\nexport const applyCommands = (",
      ),
      ...participant(
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
    what: "The outcome is written in a transaction of its own, after the one of the balance",
    seenIn: "Effect's queue in Redis: what was done is remembered apart from what it did",
    edits: participant(
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
    ),
    caughtBy: ["I2"],
  },
  {
    name: "remembered-though-failed",
    what:
      "The order is on record as reserved although it was refused, so a repeat is told that all is well",
    seenIn: "eShop: the request's id is stored, and the failure of its handler swallowed",
    edits: participant(
      rules,
      "      now.set(orderId, after)\n      return answerReserve",
      `      now.set(orderId, before ?? { ...after, outcome: "reserved" })\n      return answerReserve`,
    ),
    caughtBy: ["I1", "I2", "I9"],
  },
  {
    name: "rejection-not-recorded",
    what: "A rejection is not put on record, so the same reserve may succeed later",
    seenIn: "engines to which a retry of what was refused is a new attempt",
    edits: participant(
      rules,
      "touched.filter(({ orderId }) => !known.has(orderId)),",
      `touched.filter(({ orderId, outcome }) => !known.has(orderId) && outcome !== "rejected"),`,
    ),
    caughtBy: ["I1", "I6", "I9"],
  },
  {
    name: "bare-success",
    what: "A repeated reserve is told that it was done, instead of what came of it",
    seenIn: "dtm: a duplicate gets success, not the recorded answer",
    edits: participant(
      rules,
      "return answerReserve(command, after)",
      `return before === undefined
        ? answerReserve(command, after)
        : { orderId, outcome: "reserved" }`,
    ),
    caughtBy: ["I1", "I6"],
  },
  {
    name: "rejection-given-back",
    what: "A cancel gives back what was refused and never taken",
    seenIn: "undo without a barrier, where an empty undo adds money",
    edits: participant(
      rules,
      `if (before.outcome !== "reserved") return before`,
      `if (before.outcome === "cancelled") return before`,
    ),
    caughtBy: ["I2"],
  },
  {
    name: "given-back-twice",
    what: "A repeated cancel gives back once more",
    seenIn: "Medusa: a retry ran one step twice",
    edits: participant(
      rules,
      `if (before.outcome !== "reserved") return before`,
      `if (before.outcome === "rejected") return before`,
    ),
    caughtBy: ["I2"],
  },
  {
    name: "stale-balance",
    what: "The balance is read without a lock and written as the number that came out",
    seenIn: "Medusa: two orders for the last unit, and batches that sell too much",
    edits: [
      ...participant(
        reservations,
        "Effect.map(ReservationStore, ({ transaction }) => {",
        "Effect.map(ReservationStore, ({ query, transaction }) => {",
      ),
      ...participant(
        reservations,
        inTheTransaction,
        `Effect.flatMap(
          query(({ lockResources }) =>
            lockResources(
              commands.map(({ resource }) => resource),
              commands.map(({ orderId }) => orderId),
            )),
          (read) =>
            transaction((tables, last) => {
              const changeBalances = (changes) =>
                Effect.flatMap(tables.lockResources([...changes.keys()], []), (now) =>
                  tables.changeBalances(
                    new Map([...changes].map(([name, change]) =>
                      [name, read.get(name) + change - now.get(name)])),
                  ))
              const lockResources = () => Effect.succeed(read)
              return applyIn(
                { ...tables, lockResources, changeBalances },
                last,
                commands,
                retentionMs,
              )
            }),
        ),`,
      ),
    ],
    caughtBy: ["I2"],
  },
  {
    name: "conflict-ignored",
    what: "Who loses the race to record an order takes from the balance all the same",
    seenIn: "an insert that ignores conflicts beside an update that does not ask",
    edits: participant(
      reservations,
      "[insertRecords(recorded)]",
      "[Effect.catchCause(insertRecords(recorded), () => Effect.void)]",
    ),
    caughtBy: ["I2", "I8", "I9"],
  },
  {
    name: "float-money",
    what: "Money is added and taken away as a floating point number",
    seenIn: "Sock Shop: sums of money in float",
    edits: [
      ...participant(
        rules,
        "balances.set(resource, balance - quantity)",
        "balances.set(resource, quantity === 1 ? balance - 1 : (balance / 100 - quantity / 100) * 100)",
      ),
      ...participant(
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
    what:
      "A restock reads what is left before it has the lock, and writes the number that came out",
    seenIn: "shops where stock is set in a form while orders take from it",
    edits: participant(
      adjustments,
      "transaction((tables, last) => adjustIn(tables, last, wanted)),",
      `Effect.flatMap(
              query(({ lockResources }) => lockResources([wanted.resource], [])),
              (read) =>
                transaction((tables, last) => {
                  const changeBalances = (changes) =>
                    Effect.flatMap(tables.lockResources([...changes.keys()], []), (now) =>
                      tables.changeBalances(
                        new Map([...changes].map(([name, change]) =>
                          [name, read.get(name) + change - now.get(name)])),
                      ))
                  const lockResources = () => Effect.succeed(read)
                  return adjustIn({ ...tables, lockResources, changeBalances }, last, wanted)
                }),
            ),`,
    ).concat(participant(
      adjustments,
      "Effect.map(ReservationStore, ({ transaction }) =>",
      "Effect.map(ReservationStore, ({ query, transaction }) =>",
    )),
    caughtBy: ["I2"],
  },
  {
    name: "restock-twice",
    what: "A restock that is sent again is answered as before, and added once more",
    seenIn: "adjustments whose key keeps only the entry from being written twice",
    edits: participant(
      adjustments,
      "if (known !== undefined) return answeredAgain(wanted, known)",
      `if (known !== undefined) {
      if (available.get(resource) + change >= 0) {
        yield* tables.changeBalances(new Map([[resource, change]]))
      }
      return answeredAgain(wanted, known)
    }`,
    ),
    caughtBy: ["I2"],
  },
]
