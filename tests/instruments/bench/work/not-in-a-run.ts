/** When the orders of a run are due for the sweeper. */
import { mostMs } from "#services/orders/sweeper.ts"

/** The sweeper's longest wait: it publishes orders that are due even later at once. */
export const notInARun = `${mostMs / 1000} seconds`
