/**
 * Secure random bytes, drawn from the system some thousand at a time: for each id of its own, the draw is what an id costs.
 */
import { Layer } from "effect"
import { SecureRandom } from "effect/crypto"

const poolBytes = 8192

/** No byte is given twice. */
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
