/**
 * Which events of a flood are kept one by one, as pure rules. Of each kind (event and outcome) a
 * burst is kept, and then a number in each minute; of events alike (of the same kind, reason, user
 * and address) no more than a few in a minute. All others are counted, by what they have in common.
 * So a flood hides nothing of another kind, and a minute adds few rows, whatever is tried.
 */

export const outcomes = ["done", "refused", "failed"] as const
export type TrailOutcome = (typeof outcomes)[number]

export const events = [
  "sign-up",
  "log-in",
  "refresh",
  "log-out",
  "log-out-everywhere",
  "session-end",
  "password-change",
  "deletion",
  "erasure",
  "key-rotation",
  "operator-grant",
  "operator-revoke",
  "first-operator",
] as const
export type EventName = (typeof events)[number]

export interface TrailEvent {
  /** What was done or tried. */
  readonly event: EventName
  readonly outcome: TrailOutcome
  /** Why: the stable code of a refusal. */
  readonly reason?: string
  /** Who, if that is known to be a user: some people type their password for their name. */
  readonly username?: string
  /** From where: the client's address, or the network that counts as one. */
  readonly address?: string
  readonly session?: string
}

/** An event; or the count of events that have only this in common, at the time of the last one. */
export interface TrailEntry extends TrailEvent {
  readonly atMs: number
  readonly count: number
}

/** How many of a kind are kept one by one: in a burst, and for each minute that passes. */
const kept: Readonly<Record<TrailOutcome, { readonly burst: number; readonly aMinute: number }>> = {
  done: { burst: 10_000, aMinute: 300 },
  refused: { burst: 1_000, aMinute: 10 },
  failed: { burst: 1_000, aMinute: 10 },
}
const alikeAMinute = 10
const minuteMs = 60_000

interface Alike {
  readonly common: TrailEvent
  kept: number
  counted: number
  lastMs: number
}

export interface TrailBounds {
  /**
   * The entries that an event adds: itself, if it is kept, and the counts of a minute that is over.
   */
  readonly admit: (event: TrailEvent, nowMs: number) => ReadonlyArray<TrailEntry>
  /** The counts of a minute that is over. */
  readonly counted: (nowMs: number) => ReadonlyArray<TrailEntry>
  /** The counts so far. */
  readonly close: () => ReadonlyArray<TrailEntry>
}

export const makeTrailBounds = (): TrailBounds => {
  const buckets = new Map<string, { rows: number; sinceMs: number }>()
  const alike = new Map<string, Alike>()
  let minuteFromMs = -Infinity

  const roomFor = ({ event, outcome }: TrailEvent, nowMs: number) => {
    const { burst, aMinute } = kept[outcome]
    const key = `${outcome} ${event}`
    const bucket = buckets.get(key) ?? { rows: burst, sinceMs: nowMs }
    // A clock that was set back refills nothing.
    const passedMs = Math.max(0, nowMs - bucket.sinceMs)
    const rows = Math.min(burst, bucket.rows + passedMs / minuteMs * aMinute)
    buckets.set(key, { rows, sinceMs: nowMs })
    return {
      isLeft: rows >= 1,
      take: () => void buckets.set(key, { rows: rows - 1, sinceMs: nowMs }),
    }
  }

  const those = (key: string, common: TrailEvent): Alike => {
    const found = alike.get(key) ?? { common, kept: 0, counted: 0, lastMs: 0 }
    alike.set(key, found)
    return found
  }

  const close = (): ReadonlyArray<TrailEntry> => {
    const entries = [...alike.values()]
      .filter(({ counted }) => counted > 0)
      .map(({ common, counted, lastMs }) => ({ ...common, atMs: lastMs, count: counted }))
    alike.clear()
    return entries
  }

  const counted = (nowMs: number) => {
    if (nowMs >= minuteFromMs && nowMs < minuteFromMs + minuteMs) return []
    minuteFromMs = nowMs
    return close()
  }

  return {
    close,
    counted,
    admit: (event, nowMs) => {
      const before = counted(nowMs)
      const { session: _, ...common } = event
      const { username: _who, address: _where, ...kind } = common
      const room = roomFor(event, nowMs)
      const key = keyOf(common)
      // Without room, users and addresses are not remembered: there may be any number of them.
      const group = room.isLeft || alike.has(key) ? those(key, common) : those(keyOf(kind), kind)
      if (room.isLeft && group.kept < alikeAMinute) {
        group.kept++
        room.take()
        return [...before, { ...event, atMs: nowMs, count: 1 }]
      }
      group.counted++
      group.lastMs = nowMs
      return before
    },
  }
}

const keyOf = ({ event, outcome, reason, username, address }: TrailEvent) =>
  JSON.stringify([event, outcome, reason, username, address])
