/**
 * Orders that were accepted under an earlier version of the table go through the steps of that
 * version.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { StepName } from "#shared/contracts/order-state.ts"
import { type Script, scripted, type Scripts, times, unavailable } from "./scripted-sagas.ts"

const company: Scripts = {
  whole: {},
  refused: { reserve: { slot: ["rejected"] } },
  late: { deadlineMs: 0 },
  held: { deadlineMs: 0, cancel: { item: times(5, unavailable) } },
}

interface Version {
  readonly steps: ReadonlyArray<StepName>
}

const versions: ReadonlyArray<Version> = [
  { steps: ["money", "slot"] },
  { steps: ["item", "slot"] },
  { steps: ["money"] },
  { steps: ["slot"] },
]

const reserves = ({ steps }: Version) => steps.map((step) => `reserve ${step}`)
const cancels = ({ steps }: Version) => steps.map((step) => `cancel ${step}`).reverse()

const cases = versions.flatMap((version) => [
  { among: "alone", version, others: {} },
  { among: "among orders that have all", version, others: company },
])

describe.each(cases)("an order that has but the steps $version.steps, $among,", (
  { version, others },
) => {
  const assertSent = Effect.fnUntraced(
    function* (script: Script, end: string, sent: ReadonlyArray<string>) {
      const sagas = yield* scripted({ ...others, ann: { ...version, ...script } })
      yield* sagas.runToEnd
      assert.strictEqual(sagas.endOf("ann"), end)
      assert.deepStrictEqual(sagas.sentOf("ann"), [...sent])
    },
  )

  it.effect("completes with them", () =>
    assertSent({}, "completed", [...reserves(version), "complete"]))

  it.effect("and is late has them undone, the last first", () =>
    assertSent({ deadlineMs: 0 }, "failed", ["abort", ...cancels(version), "settle"]))

  it.effect("and was aborted by another run has them undone, the last first", () =>
    assertSent({ redelivered: true, status: "compensating" }, "failed", [
      "ask",
      ...cancels(version),
      "settle",
    ]))

  it.effect("and is refused at the last has the previous ones undone", () =>
    assertSent({ reserve: { [version.steps.at(-1)!]: ["rejected"] } }, "failed", [
      ...reserves(version),
      "abort",
      ...cancels(version).slice(1),
      "settle",
    ]))

  it.effect("has them in its timeline", () =>
    Effect.gen(function* () {
      const sagas = yield* scripted({ ...others, ann: version })
      yield* sagas.runToEnd
      const [complete] = sagas.decisions.filter(({ orderId }) => orderId === "ann" as string)
      assert.deepStrictEqual(complete?.timeline.map(({ step }) => step), [...version.steps])
    }))
})

it.effect("orders of a wave with different steps share the requests of common steps", () =>
  Effect.gen(function* () {
    const sagas = yield* scripted({
      ann: { steps: ["money", "slot"] },
      bob: {},
      cid: { steps: ["item"], reserve: { item: ["rejected"] } },
      dan: { steps: ["money", "slot"], reserve: { slot: ["rejected"] } },
      eve: { steps: ["money", "item"], deadlineMs: 0 },
      fay: { steps: ["slot"], status: "compensating" },
    })
    yield* sagas.runToEnd
    assert.deepStrictEqual(sagas.sent(), [
      "reserve money: ann bob dan",
      "reserve item: bob cid",
      "reserve slot: ann bob dan fay",
      "complete: ann bob fay, abort: cid dan eve",
      "cancel slot: fay",
      "cancel item: eve",
      "cancel money: dan eve",
      "settle: cid dan eve fay",
    ])
    assert.deepStrictEqual(
      sagas.decisions.filter(({ decision }) => decision === "abort").map(({ reason }) => reason),
      ["Can not reserve the item", "Can not get the delivery slot", "Order timed out"],
    )
  }))
