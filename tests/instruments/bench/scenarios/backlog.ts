/** Goal 6, backlog: a large backlog waits for an orchestrator that is down; then it comes back. */
import { Effect } from "effect"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atLeast, atMost, medianOf, outsiders, processNames, rateOf, type Row } from "../row.ts"
import { measured, orFailed } from "../run.ts"
import type { Services } from "../stand/services.ts"
import type { Subject } from "../subject.ts"
import { insertPending } from "../work/opening.ts"
import { untilDecided } from "../work/until-decided.ts"
import { wantedOrders } from "../work/workload.ts"

/** The backlog has this many times the orders of a run. */
const times = 5
const roundsAtMost = 3
const leastOfRate = 0.9
const mostMiB = { orchestrator: 250, any: 300 }
/** PostgreSQL's processes share memory, and Redis holds the queue: neither counts here. */
const services = (name: string) => !outsiders.includes(name) && !/^(postgres|redis)$/.test(name)

export const backlog = Effect.fnUntraced(function* (hall: Hall) {
  const [queueToDecision] = yield* hall.rowsOf("queue-to-decision")
  const ours = yield* hall.unattended()
  const running = yield* hall.services()
  const [row] = yield* inTurn(
    hall,
    [{
      name: "backlog",
      orders: times * hall.given.orders,
      run: (orders) => decideBacklog(ours, running, orders),
    }],
    Math.min(hall.given.runs, roundsAtMost),
  )
  const memoryOf = (name: string) => medianOf(row!, ({ costs }) => costs.memoryMiB.get(name) ?? 0)
  const memory = processNames(row!).filter(services).map(memoryOf)
  const ofRate = rateOf(row!) / rateOf(queueToDecision!)
  const goals = [
    atLeast("of the rate of queue-to-decision", ofRate, leastOfRate),
    atMost("MiB in the orchestrator", memoryOf("orchestrator"), mostMiB.orchestrator),
    atMost("MiB in any service", Math.max(...memory), mostMiB.any),
  ]
  return [{ ...row!, goals }] as ReadonlyArray<Row>
})

/** The sweeper takes these orders after a while, as in production. */
const decideBacklog = (subject: Subject, running: Services, orders: number) => {
  const prepare = Effect.gen(function* () {
    yield* running.stop("orchestrator")
    const wanted = wantedOrders(orders, "mixed")
    yield* orFailed(() => insertPending(subject.databases, wanted, "15 seconds"))
    yield* orFailed(() => subject.queue!.publish(wanted))
    const until = Effect.gen(function* () {
      yield* running.start("orchestrator")
      const readyAtMs = performance.now()
      yield* orFailed(() => untilDecided(subject.databases))
      return { seconds: (performance.now() - readyAtMs) / 1000 }
    })
    return { orders, processes: [], until }
  })
  return measured(subject, { prepare })
}
