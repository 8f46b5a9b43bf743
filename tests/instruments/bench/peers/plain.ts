/**
 * No engine at all: the saga's calls one after another, nothing durable but what the participants
 * record. The ceiling of every engine that makes one call a step.
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
