import { describe, expect, it } from "vitest"
import { orderSaga, type Step } from "#shared/contracts/order-saga.ts"

describe("the table of the order saga", () => {
  it("reserves what is not scarce first, because its refusal holds up nobody else", () => {
    const rows: ReadonlyArray<Step> = orderSaga
    const firstScarce = rows.findIndex(({ scarce }) => scarce)
    expect(rows.slice(firstScarce).filter(({ scarce }) => !scarce).map(({ step }) => step))
      .toEqual([])
  })
})
