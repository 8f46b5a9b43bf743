/**
 * How many orders are unfinished now, in all and of each user, as far as one replica knows: what the table had when it was
 * counted last, what was stored here since, and less those stored here that became final since. A count replaces all that was
 * known before it, so what was missed, such as an end of which nobody told, is missed until the next one and no longer.
 */
import type { UnfinishedCount } from "./order-table.ts"

interface Stored {
  readonly id: string
  readonly username: string
}

export interface Unfinished {
  readonly total: () => number
  readonly of: (username: string) => number
  /** These orders are stored, here and now. */
  readonly stored: (orders: ReadonlyArray<Stored>) => void
  /** Orders with these ids became final, wherever they were stored. */
  readonly ended: (ids: ReadonlyArray<string>) => void
  /** Some may have become final of which nobody told. */
  readonly missedSome: () => void
  /** A count begins; gives what to do with its result. */
  readonly counting: () => (count: UnfinishedCount) => void
}

/** Knows of at most so many whose they are; an order that it does not know counts until the next count. */
export const makeUnfinished = (most: number): Unfinished => {
  let total = 0
  let users = new Map<string, number>()
  const owners = new Map<string, string>()
  /** Those that the count which is under way may have missed. */
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
