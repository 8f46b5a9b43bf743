/**
 * Secure random bytes, drawn from the system some thousands at a time: drawing them for each id
 * would dominate the cost of an id.
 */
import { Layer } from "effect"
import { SecureRandom } from "effect/crypto"

const poolBytes = 8192

/** Never returns a byte twice. */
const makeDraw = () => {
  let pool = new Uint8Array(0)
  let used = 0
  return (size: number): Uint8Array => {
    if (used + size > pool.length) {
      pool = crypto.getRandomValues(new Uint8Array(Math.max(size, poolBytes)))
      used = 0
    }
    used += size
    return pool.slice(used - size, used)
  }
}

export const pooledRandomLayer: Layer.Layer<SecureRandom.SecureRandom> = Layer.sync(
  SecureRandom.SecureRandom,
  () => SecureRandom.make(makeDraw()),
)
