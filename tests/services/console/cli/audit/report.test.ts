import { assert, describe, it } from "@effect/vitest"
import { jsonReport, textReport } from "#services/console/cli/audit/report.ts"
import { leftOf, noSums, plus } from "#services/orchestrator/audit/sums.ts"
import type { Finding } from "#services/orchestrator/audit/finding.ts"
import { OrderId } from "#shared/contracts/order.ts"

const orderId = OrderId.make("0193a0a0-0000-7000-8000-000000000001")

const leftover: Finding = {
  kind: "leftover",
  orderId,
  participant: "items",
  resource: "1",
  ageMs: 7_260_000,
  cause: "the order failed, but items still holds 1 of 1",
  remedy: "--heal gives it back",
  heal: { orderId, action: "cancel", resource: "1", quantity: 1 },
}
const imbalance: Finding = {
  kind: "imbalance",
  orderId: null,
  participant: "billing",
  resource: "\x1b[31mann",
  ageMs: null,
  cause: "billing started with 5 of \x1b[31mann",
  remedy: "a person decides",
  heal: null,
}
const part = {
  findings: [leftover, imbalance, imbalance],
  allHeld: 1_200,
  noneHeld: 30,
  inFlight: 4,
  inQuestion: 1,
  resources: 21,
  downTo: undefined,
}

describe("the audit's report", () => {
  it("has a line for each finding, without control characters", () => {
    assert.strictEqual(
      textReport.finding(leftover, false),
      `leftover  ${orderId}   2 h  the order failed, but items still holds 1 of 1`,
    )
    assert.strictEqual(
      textReport.finding(leftover, true),
      `leftover  ${orderId}   2 h  the order failed, but items still holds 1 of 1 (healed)`,
    )
    const books = textReport.finding(imbalance, false)
    assert.match(books, /^imbalance books {39}billing started with 5 of \?\[31mann$/)
  })

  it("gives ages in the largest unit that fits", () => {
    const age = (ageMs: number) =>
      textReport.finding({ ...leftover, ageMs }, false).slice(47, 53).trim()
    const ages = [-5, 0, 119_999, 120_000, 7_199_999, 7_200_000, 172_799_999, 172_800_000]
    assert.deepStrictEqual(ages.map(age), [
      "0 s",
      "0 s",
      "119 s",
      "2 m",
      "119 m",
      "2 h",
      "47 h",
      "2 d",
    ])
  })

  it("ends with totals, and names each remedy once", () => {
    const healed = plus(plus(noSums, part, ({ heal }) => heal !== null), part, () => false)
    assert.strictEqual(leftOf(healed), 5)
    assert.strictEqual(
      textReport.sums(healed, []),
      [
        "Orders    2,470: held by all 2,400, by none 60, in flight 8, with findings 2",
        "Books     42 resources, 4 do not balance",
        "Findings  2 leftover, 4 imbalance; 1 healed",
        "  imbalance: a person decides",
        "  leftover: --heal gives it back",
      ].join("\n"),
    )
    assert.include(textReport.sums(noSums, []), "Findings  none")
    assert.include(textReport.sums(noSums, []), "all balance")
  })

  it("is one line of JSON for each finding and for the totals, with --json", () => {
    const { heal: _, ...shown } = leftover
    assert.deepStrictEqual(JSON.parse(jsonReport.finding(leftover, true)), {
      ...shown,
      healed: true,
    })
    const { findings: _findings, downTo: _downTo, ...counts } = part
    assert.deepStrictEqual(JSON.parse(jsonReport.sums(plus(noSums, part, () => false), [])), {
      ...counts,
      found: { missing: 0, mismatch: 0, leftover: 1, orphan: 0, stuck: 0, imbalance: 2 },
      healed: 0,
      left: 3,
      missing: [],
    })
  })

  it("names the parts that could not be audited, and why", () => {
    const missing = [{ part: "slots", cause: "slots cannot be reached\x1b[2J" }]
    assert.strictEqual(
      textReport.sums(noSums, missing).split("\n").slice(3).join("\n"),
      "Missing   these parts could not be audited; nothing is healed until they can be\n" +
        "  slots: slots cannot be reached?[2J",
    )
    assert.deepStrictEqual(JSON.parse(jsonReport.sums(noSums, missing)).missing, missing)
  })
})
