/**
 * Goal 7, the embedded run: everything in the one process of `npm start`, with the queue in its
 * memory or in Redis.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atLeast, atMost, rateOf, type Row, spread } from "../row.ts"
import { embeddedSubject, startEmbedded } from "../stand/embedded.ts"
import { throwAwayFolder } from "../stand/ground.ts"
import { decidePosted } from "../work/decide-posted.ts"

const leastPerSecond = 2_000
const mostSecondsToReady = 5
const secondStarts = 3

export const embedded = Effect.fnUntraced(function* (hall: Hall) {
  // Two systems at once would take each other's time.
  yield* hall.park.clear
  const rows: Array<Row> = []
  for (const queue of ["memory", "Redis"] as const) {
    rows.push(yield* Effect.scoped(embeddedWith(hall, queue)))
  }
  return rows
})

const embeddedWith = Effect.fnUntraced(function* (hall: Hall, queue: "memory" | "Redis") {
  const dataDir = yield* throwAwayFolder
  const start = startEmbedded(hall.ground, {
    dataDir,
    runtime: hall.runtime,
    queueUrl: queue === "memory" ? "memory:" : undefined,
  })
  const name = `embedded, ${queue}`
  // The first start makes the databases. A person waits for the later ones.
  yield* Effect.scoped(start)
  const startSeconds = yield* Effect.replicateEffect(
    Effect.map(Effect.scoped(start), ({ seconds }) => seconds),
    secondStarts,
  )
  const subject = yield* Effect.flatMap(start, embeddedSubject)
  const [row] = yield* inTurn(hall, [{
    name,
    orders: hall.given.orders,
    run: (orders) => decidePosted(subject, orders),
  }])
  return {
    ...row!,
    goals: [
      atLeast("orders a second", rateOf(row!), leastPerSecond),
      atMost("s until ready again", spread(startSeconds).median, mostSecondsToReady),
    ],
  } satisfies Row as Row
})
