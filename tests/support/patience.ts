/**
 * The time that a test allows for what it waits for. No test may fail because the machine has other
 * work: a limit only ends a hang, and the bound of something that must happen promptly grows with
 * the load of the machine.
 */
import { availableParallelism, loadavg } from "node:os"

/** The limit for waiting for one event. After it, the test says which event did not happen. */
export const patienceMs = 240_000

/**
 * The limit for a whole test, or its preparation: long enough for the limit of a single wait to be
 * reported first.
 */
export const testLimitMs = 900_000

/**
 * Extends a time in proportion to the load of the machine now. Without other work it stays as it
 * is.
 */
export const underLoad = (ms: number): number =>
  Math.round(ms * Math.max(1, loadavg()[0]! / (2 * availableParallelism())))
