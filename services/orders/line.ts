/**
 * The line of requests that wait to be let in. Users take turns, so nobody waits behind everything
 * that another user sent. Waiting is cheap: an entry has no fiber and no timer of its own.
 */
import { Effect, Latch } from "effect"

/** Whether a user may enter; `nobody` when there is no room at all. */
export type MayEnter = "yes" | "not this user" | "nobody"

export interface Waiter<E> {
  readonly username: string
  /** When the entry joined, by the clock of `sendAway`. */
  readonly sinceMs: number
  /** Called synchronously when the entry is let in. */
  readonly comeIn: () => void
  /** The error after a wait in vain; undefined lets the entry in after all. */
  readonly tooLate: () => E | undefined
}

interface Waiting<E> extends Waiter<E> {
  readonly resume: (effect: Effect.Effect<void, E>) => void
}

export interface Line<E> {
  /**
   * Waits for the entry's turn, and fails when it has waited too long. An interrupt leaves the
   * line.
   */
  readonly wait: (entry: Waiter<E>) => Effect.Effect<void, E>
  /** Waits until the line has entries and there may be room. */
  readonly due: Effect.Effect<void>
  /** Waits until the line has entries. */
  readonly some: Effect.Effect<void>
  /** Signals that there may be room. */
  readonly mayBeRoom: () => void
  /**
   * Lets in the entries that may enter, one of each user in turn. A call lets in a limited number;
   * `due` succeeds again when there are more.
   */
  readonly letIn: (mayEnter: (username: string) => MayEnter) => void
  /** Refuses the entries that have waited since `untilMs` or longer. */
  readonly sendAway: (untilMs: number) => void
}

/**
 * Entries let in together run before anything else does: more of them would stop the work that the
 * others wait for.
 */
const mostAtOnce = 32

export const makeLine = <E>(): Line<E> => {
  const users = new Map<string, Set<Waiting<E>>>()
  /** The same entries, in the order in which they joined. */
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
        // There may be room since the last look.
        room.openUnsafe()
        return Effect.sync(() => leave(one))
      }),
    letIn: (mayEnter) => {
      room.closeUnsafe()
      let left = mostAtOnce
      // A user who had a turn moves to the end of the map, which this loop reaches, too.
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
