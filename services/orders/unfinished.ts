/**
 * How many orders are unfinished, in all and by user, as far as one replica knows: the last count
 * of the table, plus what was stored here since, minus the orders stored here that became final
 * since. A count replaces everything known before, so an end that was missed is missed only until
 * the next count.
 */
import type { UnfinishedCount } from "./order-table.ts"

interface Stored {
  readonly id: string
  readonly username: string
}

export interface Unfinished {
  readonly total: () => number
  readonly of: (username: string) => number
  /** Adds orders that have just been stored here. */
  readonly stored: (orders: ReadonlyArray<Stored>) => void
  /** Subtracts final orders that were stored here; ignores the ids of others. */
  readonly ended: (ids: ReadonlyArray<string>) => void
  /** Ends may have been missed: the orders known so far count until the next count. */
  readonly missedSome: () => void
  /** Begins a count; returns the function that takes its result. */
  readonly counting: () => (count: UnfinishedCount) => void
}

/** Remembers the users of at most `most` orders; any other order counts until the next count. */
export const makeUnfinished = (most: number): Unfinished => {
  let total = 0
  let users = new Map<string, number>()
  const owners = new Map<string, string>()
  /** Orders that the count in progress may have missed, with their users. */
  let storedSince = new Map<string, string>()

  const add = (username: string, change: number) => {
    total = Math.max(0, total + change)
    const count = (users.get(username) ?? 0) + change
    if (count > 0) users.set(username, count)
    else users.delete(username)
  }

  return {
    total: () => total,
    of: (username) => users.get(username) ?? 0,
    stored: (orders) => {
      for (const { id, username } of orders) {
        add(username, 1)
        storedSince.set(id, username)
        owners.set(id, username)
        if (owners.size > most) owners.delete(owners.keys().next().value!)
      }
    },
    ended: (ids) => {
      for (const id of ids) {
        const username = owners.get(id)
        if (username === undefined) continue
        owners.delete(id)
        storedSince.delete(id)
        add(username, -1)
      }
    },
    missedSome: () => owners.clear(),
    counting: () => {
      storedSince = new Map()
      return (counted) => {
        total = counted.total
        users = new Map(counted.users)
        for (const username of storedSince.values()) add(username, 1)
      }
    },
  }
}
