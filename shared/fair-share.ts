/**
 * A shared quota that no holder can exhaust: each may hold a part of what is free, so the limit of
 * each falls as more is taken, and something stays for a holder that has nothing yet. These are the
 * dynamic thresholds by which switches share their memory among queues (A. K. Choudhury and E. L.
 * Hahne, 1998). With the part a, a single holder gets a / (1 + a) of all, and n together leave 1 /
 * (1 + n a).
 */

/** Whether a holder may have one more, has its share already, or nothing is free. */
export type Room = "room" | "over share" | "full"

export interface FairShare {
  readonly roomFor: (holder: string) => Room
  /** Takes one if there is room. */
  readonly take: (holder: string) => Room
  /** Gives one back. */
  readonly giveBack: (holder: string) => void
  /** How many are taken. */
  readonly size: () => number
}

/**
 * A quota of `most`, of which a holder has at most `part` of what is free; the first one is allowed
 * while any is free.
 */
export const fairShare = (
  { most, part }: { readonly most: number; readonly part: number },
): FairShare => {
  const held = new Map<string, number>()
  let size = 0
  const roomFor = (holder: string): Room => {
    const free = most - size
    if (free <= 0) return "full"
    const has = held.get(holder) ?? 0
    return has > 0 && has + 1 > part * free ? "over share" : "room"
  }
  return {
    size: () => size,
    roomFor,
    take: (holder) => {
      const room = roomFor(holder)
      if (room === "room") {
        held.set(holder, (held.get(holder) ?? 0) + 1)
        size++
      }
      return room
    },
    giveBack: (holder) => {
      const has = held.get(holder)
      if (has === undefined) return
      if (has === 1) held.delete(holder)
      else held.set(holder, has - 1)
      size--
    },
  }
}
