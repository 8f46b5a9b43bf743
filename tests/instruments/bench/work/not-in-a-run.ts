/** When the sweeper finds the orders of a run due. */
import { mostMs } from "#services/orders/sweeper.ts"

/**
 * As late as the sweeper lets any order wait: one that is due later still, it publishes at once.
 */
export const notInARun = `${mostMs / 1000} seconds`
