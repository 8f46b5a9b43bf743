import { expect, it } from "vitest"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import { steps } from "#tests/instruments/bench/limit/steps.ts"

it("compares the product with limit programs that run the same saga", () => {
  const order = {
    ...{ orderId: "01900000-0000-7000-8000-000000000001", username: "bench-0001" },
    ...{ amountMinor: 1234, details: { item: 5, slot: "07:00" } },
    ...{ steps: [], createdAtMs: 0, republished: 0 },
  }
  expect(steps.map(({ step, takes, refusal }) => [step, takes(order), refusal])).toEqual(
    orderSaga.map(({ step, takes, refusal }) => [step, takes(order), refusal]),
  )
})
