/**
 * Goal 5, hot rows: every order wants the same item, the same slot and the money of the same
 * wallet.
 */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atLeast, rateOf, type Row } from "../row.ts"
import { decideQueued } from "../work/decide-queued.ts"

const leastOfMixed = 0.9

export const hot = Effect.fnUntraced(function* (hall: Hall) {
  const { given: { orders } } = hall
  const ours = yield* hall.unattended()
  const [row, mixed] = yield* inTurn(hall, [
    { name: "hot", orders, run: (count) => decideQueued(ours, count, { shape: "hot" }) },
    { name: "  not hot", orders, run: (count) => decideQueued(ours, count) },
  ])
  const goals = [atLeast("of the rate without", rateOf(row!) / rateOf(mixed!), leastOfMixed)]
  return [{ ...row!, goals }, { ...mixed!, goals: [] }] as ReadonlyArray<Row>
})
