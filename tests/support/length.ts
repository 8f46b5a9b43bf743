/**
 * How much the searches of a test run try. `npm test` uses the short forms; with TEST_LENGTH=long
 * they try as much as `tests/ci.sh` does. Both run every test, and differ only in how much it
 * tries.
 */
const lengths = ["short", "long"] as const
const length = process.env.TEST_LENGTH ?? "short"
if (!lengths.some((known) => known === length)) {
  throw new Error(`TEST_LENGTH is ${JSON.stringify(length)}: set it to ${lengths.join(" or ")}`)
}

/** The first in a short run, the second in a long one. */
export const atLength = <A>(short: A, long: A): A => length === "long" ? long : short
