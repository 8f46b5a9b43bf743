import { describe, expect, it } from "vitest"
import { orderSaga, type Step } from "#shared/contracts/order-saga.ts"

describe("the table of the order saga", () => {
  it("tries what costs nobody anything to refuse before it holds what others want", () => {
    const rows: ReadonlyArray<Step> = orderSaga
    const firstScarce = rows.findIndex(({ scarce }) => scarce)
    expect(rows.slice(firstScarce).filter(({ scarce }) => !scarce).map(({ step }) => step))
      .toEqual([])
  })
})
