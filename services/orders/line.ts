/**
 * The line of those who wait to be let in. Users take turns, so that nobody waits behind all that another one sends. To wait
 * costs little: no fiber, and no timer of one's own.
 */
import { Effect, Latch } from "effect"

/** Whether a user may come in; `nobody` when there is no room at all. */
export type MayEnter = "yes" | "not this user" | "nobody"

export interface Entry<E> {
  readonly username: string
  /** When it joined, by the clock of whoever asks for those that are late. */
  readonly sinceMs: number
  /** Called in the moment in which it is let in. */
  readonly comeIn: () => void
  /** What it is told that has waited in vain; undefined when it comes in after all. */
  readonly tooLate: () => E | undefined
}

interface Waiting<E> extends Entry<E> {
  readonly resume: (effect: Effect.Effect<void, E>) => void
}

export interface Line<E> {
  /** Waits until it is this one's turn, or too late; who gives up has left the line. */
  readonly wait: (entry: Entry<E>) => Effect.Effect<void, E>
  /** Waits until somebody waits for whom there may be room. */
  readonly due: Effect.Effect<void>
  /** Waits until somebody waits. */
  readonly some: Effect.Effect<void>
  /** Tells that there may be room. */
  readonly mayBeRoom: () => void
  /** Lets in who may, one of each user by turns; of many only some, and the others when it is called again, as is due. */
  readonly letIn: (mayEnter: (username: string) => MayEnter) => void
  /** Sends away who has waited since then or longer. */
  readonly sendAway: (untilMs: number) => void
}

/** All that comes in at once is answered before anything else is: what the others wait for would come to a stop meanwhile. */
const mostAtOnce = 32

export const makeLine = <E>(): Line<E> => {
  const users = new Map<string, Set<Waiting<E>>>()
  /** The same ones, in the order in which they came. */
  const all = new Set<Waiting<E>>()
  const some = Latch.makeUnsafe(false)
  const room = Latch.makeUnsafe(false)
  const leave = (one: Waiting<E>) => {
    all.delete(one)
    const others = users.get(one.username)
    others?.delete(one)
    if (others?.size === 0) users.delete(one.username)
    if (all.size === 0) some.closeUnsafe()
  }
  const comeIn = (one: Waiting<E>) => {
    one.comeIn()
    one.resume(Effect.void)
  }
  return {
    some: some.await,
    due: Effect.andThen(some.await, room.await),
    mayBeRoom: () => void room.openUnsafe(),
    wait: (entry) =>
      Effect.callback((resume) => {
        const one = { ...entry, resume }
        const { username } = entry
        users.set(username, (users.get(username) ?? new Set()).add(one))
        all.add(one)
        some.openUnsafe()
        // There may be some by now, since it was told that there is none.
        room.openUnsafe()
        return Effect.sync(() => leave(one))
      }),
    letIn: (mayEnter) => {
      room.closeUnsafe()
      let left = mostAtOnce
      // Who had a turn goes to the end, which this comes to as well.
      for (const [username, queue] of users) {
        const may = mayEnter(username)
        if (may === "nobody") return
        if (may === "not this user") continue
        if (left-- === 0) return void room.openUnsafe()
        const [first] = queue
        users.delete(username)
        users.set(username, queue)
        leave(first!)
        comeIn(first!)
      }
    },
    sendAway: (untilMs) => {
      for (const one of all) {
        if (one.sinceMs > untilMs) return
        leave(one)
        const told = one.tooLate()
        if (told === undefined) comeIn(one)
        else one.resume(Effect.fail(told))
      }
    },
  }
}
