/**
 * No engine: the saga's calls one after another, with nothing durable except the participants'
 * records. The upper bound for engines that make one call for each step.
 */
import { measure } from "./measure.ts"
import { persistently, runSaga } from "./order-saga.ts"

await measure({
  peer: "plain",
  inFlight: 64,
  start: () =>
    Promise.resolve({
      execute: (order) => runSaga(order, persistently),
      close: () => Promise.resolve(),
    }),
})
