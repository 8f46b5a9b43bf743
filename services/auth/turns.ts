/**
 * Turns at what is scarce. Log-ins and sign-ups share the threads that hash, refreshes have turns of their own; each kind
 * of request waits in a queue of its own, so that none can keep another waiting. In a queue the addresses take turns,
 * however many requests each one has there; and when it is full, the address that has most there loses its newest.
 */
import { Context, Effect, Layer } from "effect"
import { availableParallelism } from "node:os"
import { type Problem, unavailable } from "#shared/http/problem.ts"

/** Runs the work when its turn comes, as one of those of its share. Fails with a 503 Problem when too many wait. */
type InTurn = <A, E, R>(
  share: string,
  work: Effect.Effect<A, E, R>,
) => Effect.Effect<A, E | Problem, R>

export class Turns extends Context.Service<Turns, {
  readonly logIn: InTurn
  readonly signUp: InTurn
  readonly refresh: InTurn
}>()("unwind/auth/Turns") {}

// Node has four threads for this, for signatures, for files and for name look-ups: one stays free. There are two at least,
// since sign-ups leave one to log-ins.
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

interface Waiting {
  readonly share: string
  state: "waiting" | "atWork" | "pushedOut"
  readonly resume: (told: Effect.Effect<void, Problem>) => void
}

interface Queue {
  readonly atWorkAtMost: number
  atWork: number
  readonly line: Line
}

const busy = Effect.fail(unavailable("Too many log-ins and sign-ups at the same time."))

/** Makes queues for so many turns at once; of the queues where somebody waits, the one with the fewest at work is next. */
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
    const queue: Queue = { atWorkAtMost, atWork: 0, line: new Line() }
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
          const pushedOut = queue.line.join(waiting, waitingAtMost)
          if (pushedOut !== undefined) {
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

/** Those who wait, by their shares; the share that was served longest ago comes first. */
class Line {
  readonly #shares = new Map<string, Array<Waiting>>()
  length = 0

  /** Takes one in, and gives whom there is no room for: the newest of the share that has most, or the one who came. */
  join(waiting: Waiting, atMost: number): Waiting | undefined {
    const own = this.#shares.get(waiting.share)
    if (this.length < atMost) {
      this.#shares.set(waiting.share, [...own ?? [], waiting])
      this.length++
      return undefined
    }
    const longest = [...this.#shares.values()].reduce((a, b) => b.length > a.length ? b : a)
    if (longest.length <= (own?.length ?? 0) + 1) return waiting
    const newest = longest.at(-1)!
    this.remove(newest)
    this.join(waiting, atMost)
    return newest
  }

  /** Takes out whoever is next; there must be one. */
  shift(): Waiting {
    const [share, [first, ...others]] = this.#shares.entries().next().value as [string, Waiting[]]
    this.#shares.delete(share)
    if (others.length > 0) this.#shares.set(share, others)
    this.length--
    return first!
  }

  remove(waiting: Waiting): void {
    const others = this.#shares.get(waiting.share)!.filter((one) => one !== waiting)
    if (others.length > 0) this.#shares.set(waiting.share, others)
    else this.#shares.delete(waiting.share)
    this.length--
  }
}
