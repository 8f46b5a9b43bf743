/**
 * Turns at scarce resources. Log-ins and sign-ups share the threads that hash; refreshes have turns
 * of their own. Each kind of request has its own queue, so that none can hold up another. In a
 * queue the addresses take turns, and at an address the users who are known there (wait-line.ts).
 */
import { Context, Effect, Layer } from "effect"
import { availableParallelism } from "node:os"
import { type Problem, unavailable } from "#shared/http/problem.ts"
import { WaitLine, type Waits } from "./wait-line.ts"

/**
 * Runs the work when its turn comes. A share is an address, or an address and a user who is known
 * there. Fails with a 503 Problem when too many wait.
 */
type InTurn = <A, E, R>(
  share: ReadonlyArray<string>,
  work: Effect.Effect<A, E, R>,
) => Effect.Effect<A, E | Problem, R>

export class Turns extends Context.Service<Turns, {
  readonly logIn: InTurn
  readonly signUp: InTurn
  readonly refresh: InTurn
}>()("unwind/auth/Turns") {}

// Node has four threads, for hashing, signatures, files and name look-ups: one stays free. At least
// two hash, since sign-ups leave one to log-ins.
const hashesAtOnce = Math.max(2, Math.min(availableParallelism(), 3))
/** Fewer than the database has connections. */
const refreshesAtOnce = 4
const waitingAtMost = 100

export const turnsLayer: Layer.Layer<Turns> = Layer.sync(Turns, () => {
  const hashing = makeTurns(hashesAtOnce)
  return Turns.of({
    logIn: hashing(hashesAtOnce),
    signUp: hashing(hashesAtOnce - 1),
    refresh: makeTurns(refreshesAtOnce)(refreshesAtOnce),
  })
})

interface Waiting extends Waits {
  state: "waiting" | "atWork" | "pushedOut"
  readonly resume: (told: Effect.Effect<void, Problem>) => void
}

interface Queue {
  readonly atWorkAtMost: number
  atWork: number
  readonly line: WaitLine<Waiting>
}

const busy = Effect.fail(unavailable("Too many log-ins, sign-ups or refreshes at the same time."))

/**
 * Makes queues that share `atOnce` turns. The next turn goes to the waiting queue that has the
 * fewest at work.
 */
export const makeTurns = (atOnce: number) => {
  const queues: Array<Queue> = []
  const next = () =>
    queues
      .filter(({ line, atWork, atWorkAtMost }) => line.length > 0 && atWork < atWorkAtMost)
      .reduce<Queue | undefined>((a, b) => a && a.atWork <= b.atWork ? a : b, undefined)
  const goOn = () => {
    while (queues.reduce((sum, { atWork }) => sum + atWork, 0) < atOnce) {
      const queue = next()
      if (queue === undefined) return
      queue.atWork++
      const waiting = queue.line.shift()
      waiting.state = "atWork"
      waiting.resume(Effect.void)
    }
  }
  return (atWorkAtMost: number): InTurn => {
    const queue: Queue = { atWorkAtMost, atWork: 0, line: new WaitLine() }
    queues.push(queue)
    const leave = (waiting: Waiting) => {
      if (waiting.state === "waiting") queue.line.remove(waiting)
      if (waiting.state === "atWork") {
        queue.atWork--
        goOn()
      }
    }
    return (share, work) =>
      Effect.uninterruptibleMask((restore) => {
        let waiting: Waiting | undefined
        const turn = Effect.callback<void, Problem>((resume) => {
          waiting = { share, state: "waiting", resume }
          queue.line.join(waiting)
          if (queue.line.length > waitingAtMost) {
            const pushedOut = queue.line.newest()
            queue.line.remove(pushedOut)
            pushedOut.state = "pushedOut"
            pushedOut.resume(busy)
          }
          goOn()
        })
        return restore(Effect.andThen(turn, work)).pipe(
          Effect.ensuring(Effect.sync(() => waiting && leave(waiting))),
        )
      })
  }
}
