/**
 * How much a test run tries. `npm test` takes the short forms of searches, and samples of long
 * lists of alike cases; with TEST_LENGTH=long it tries all that `tests/ci.sh` does.
 */
const lengths = ["short", "long"] as const
const length = process.env.TEST_LENGTH ?? "short"
if (!lengths.some((known) => known === length)) {
  throw new Error(`TEST_LENGTH is ${JSON.stringify(length)}: set it to ${lengths.join(" or ")}`)
}

/** The first in a short run, the second in a long one. */
export const atLength = <A>(short: A, long: A): A => length === "long" ? long : short

/** Every nth of the cases in a short run, all of them in a long one. */
export const everyNth = <A>(nth: number, cases: ReadonlyArray<A>): ReadonlyArray<A> =>
  cases.filter((_, n) => n % atLength(nth, 1) === 0)
