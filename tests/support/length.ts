/**
 * How long the searches of a test run are. `npm test` has short forms of those that take long; with
 * TEST_LENGTH=long it searches as far as `tests/ci.sh` does. Every test runs in both: only how much
 * it tries differs.
 */
const lengths = ["short", "long"] as const
const length = process.env.TEST_LENGTH ?? "short"
if (!lengths.some((known) => known === length)) {
  throw new Error(`TEST_LENGTH is ${JSON.stringify(length)}: set it to ${lengths.join(" or ")}`)
}

/** The first in a short run, the second in a long one. */
export const atLength = <A>(short: A, long: A): A => length === "long" ? long : short
