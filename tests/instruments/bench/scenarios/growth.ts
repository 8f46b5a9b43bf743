/**
 * Goal 6, growth: an order costs the same with a thousand orders on record or a million. Each order
 * has an idempotency key, so keys are looked up, too; sweeper, backlog and audit go on meanwhile.
 */
import { Effect } from "effect"
import { firstIdAt } from "#shared/contracts/order.ts"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atMost, cpuMicros, type Row } from "../row.ts"
import { orFailed } from "../run.ts"
import { decidePosted } from "../work/decide-posted.ts"
import { openBooks } from "../work/opening.ts"

const sizes = [1_000, 100_000, 1_000_000]
/** Almost flat: indexes are deeper, and memory does not hold everything. */
const mostTimes = 1.2

export const growth = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders, short }, ground: { databases } } = hall
  const ours = yield* hall.ours()
  const rows: Array<Pick<Row, "name" | "runs">> = []
  for (const size of short ? sizes.slice(0, 2) : sizes) {
    hall.show(`growth: putting ${size.toLocaleString("en-US")} orders on record ...`)
    yield* orFailed(() => openBooks(databases, size))
    rows.push(
      ...(yield* inTurn(hall, [{
        name: `growth: ${size.toLocaleString("en-US")} on record`,
        orders,
        run: (count) =>
          Effect.suspend(() =>
            decidePosted(ours, count, { sinceId: firstIdAt(Date.now()), keys: true })
          ),
      }])),
    )
  }
  return rows.map((row): Row => {
    const times = cpuMicros(row) / cpuMicros(rows[0]!)
    return {
      ...row,
      goals: row === rows[0]
        ? []
        : [atMost("times the CPU of an order at first", times, mostTimes)],
    }
  })
})
