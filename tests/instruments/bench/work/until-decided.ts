/**
 * Waits until all stored orders are decided. It polls rarely while many are left, to cost little.
 */
import { setTimeout as wait } from "node:timers/promises"
import type { Databases } from "../stand/databases.ts"

const soonestMs = 5
const latestMs = 1_000
/** If no order is decided for this long, the rest will not be either. */
const stalledMs = 30_000

/** Resolves when no order is open. Rejects when no order is decided any more. */
export const untilDecided = async ({ orders: sql }: Databases): Promise<void> => {
  const startedAtMs = performance.now()
  let movedAtMs = startedAtMs
  let first: number | undefined
  let before = Infinity
  while (true) {
    const open = await countOpen(sql)
    const nowMs = performance.now()
    first ??= open
    if (open === 0) return
    if (open < before) movedAtMs = nowMs
    else if (nowMs - movedAtMs > stalledMs) {
      throw new Error(`${open} orders are not decided, and no order was for ${stalledMs / 1000} s`)
    }
    before = open
    const tookMs = nowMs - startedAtMs
    const leftMs = tookMs * open / Math.max(first - open, 1)
    // The remaining time is known only after some decisions.
    await wait(Math.max(soonestMs, Math.min(latestMs, leftMs / 4, tookMs / 2)))
  }
}

/** Open orders have a small index of their own. */
const countOpen = async (sql: Databases["orders"]): Promise<number> => {
  const [row] = await sql<[{ count: number }]>`
    select count(*)::int as count from orders where publish_at is not null`
  return row.count
}
