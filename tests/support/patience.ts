/**
 * The time that a test leaves to what it waits for. Nothing may fail because the machine has other
 * work: a limit only ends a hang, and what must come at once is allowed more by as much as the
 * machine is overloaded.
 */
import { availableParallelism, loadavg } from "node:os"

/** So long a test waits for one thing that must come. It is then told what did not. */
export const patienceMs = 240_000

/**
 * So long a whole test, or what prepares it, may take: long enough that what it waited for in vain
 * is told first.
 */
export const testLimitMs = 900_000

/**
 * What takes so long at most on a machine with no more to do than these tests may take so long on
 * this one, as it is now.
 */
export const underLoad = (ms: number): number =>
  Math.round(ms * Math.max(1, loadavg()[0]! / (2 * availableParallelism())))
