/** Ids of orders as the product makes them: UUIDs of version 7. */
import { randomFillSync } from "node:crypto"

const bytesOfOne = 10
const pool = Buffer.alloc(1000 * bytesOfOne)
let at = pool.length

export const newOrderId = (nowMs: number): string => {
  if (at === pool.length) {
    randomFillSync(pool)
    at = 0
  }
  const random = pool.toString("hex", at, at += bytesOfOne)
  const time = nowMs.toString(16).padStart(12, "0")
  const [first, second, third] = [random.slice(0, 3), random.slice(3, 6), random.slice(6, 18)]
  return `${time.slice(0, 8)}-${time.slice(8)}-7${first}-8${second}-${third}`
}
