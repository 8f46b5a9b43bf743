/** Orders are stored before the clock starts, then put on the queue as fast as it takes them. */
import { Effect } from "effect"
import type { Recorder } from "../profile/recorder.ts"
import { measured, orFailed, RunFailed } from "../run.ts"
import type { Databases } from "../stand/databases.ts"
import type { Subject } from "../subject.ts"
import { insertPending } from "./opening.ts"
import { untilDecided } from "./until-decided.ts"
import { type Shape, wantedOrders } from "./workload.ts"

export interface QueuedOptions {
  readonly shape?: Shape
  readonly recorder?: Recorder | undefined
}

/** One run, from the first entry in the queue until the last decision. */
export const decideQueued = (
  subject: Subject,
  orders: number,
  { shape = "mixed", recorder }: QueuedOptions = {},
) => {
  const { databases, queue } = subject
  if (queue === undefined) return new RunFailed({ message: "There is no queue to put orders on" })
  const prepare = Effect.gen(function* () {
    const wanted = wantedOrders(orders, shape)
    yield* orFailed(() => insertPending(databases, wanted))
    const until = orFailed(async () => {
      await Promise.all([queue.publish(wanted), untilDecided(databases)])
      await assertNotSwept(databases)
      return {}
    })
    return { orders, processes: [], until }
  })
  return measured(subject, { prepare, recorder })
}

/** Rejects if the sweeper published an order of the run again: its work would be done twice. */
const assertNotSwept = async ({ orders: sql }: Databases): Promise<void> => {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from orders where republished > 0`
  if (row.count > 0) throw new Error(`The sweeper published ${row.count} orders again`)
}
