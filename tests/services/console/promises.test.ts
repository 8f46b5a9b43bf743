/** Whether the promises hold, as the console judges by the audit. */
import { assert, describe, it } from "vitest"
import { judgePromises } from "#services/console/promises.ts"
import { type AuditState, findingKinds } from "#shared/contracts/audit.ts"

const sound: AuditState = {
  verdict: "sound",
  auditedAt: "2026-01-01T00:00:00.000Z",
  lookedAt: "2026-01-01T00:00:00.000Z",
  orders: { allHeld: 5, noneHeld: 3, inFlight: 2, inQuestion: 0 },
  resources: 21,
  found: { missing: 0, mismatch: 0, leftover: 0, orphan: 0, stuck: 0, imbalance: 0 },
  findings: [],
  unreached: [],
}
const holds = (
  audit: AuditState | null,
  unfinished: number | null = 0,
  faultsGoOn = false,
) =>
  Object.fromEntries(
    judgePromises({ audit, unfinished, faultsGoOn }).map(({ id, holds }) => [id, holds]),
  )
const allHold = { I1: true, I2: true, I5: true, I12: true }

describe("a promise", () => {
  it("holds while the audit finds nothing, and shows how many checks were made", () => {
    assert.deepStrictEqual(holds(sound), allHold)
    const checked = judgePromises({ audit: sound, unfinished: 0, faultsGoOn: false })
      .map(({ id, broken, checked }) => [id, broken, checked])
    assert.deepStrictEqual(checked, [["I1", 0, 8], ["I2", 0, 21], ["I5", 0, 10], [
      "I12",
      null,
      null,
    ]])
  })

  it("is broken by each kind of finding", () => {
    const broken = { missing: "I1", mismatch: "I1", leftover: "I1", orphan: "I1" } as const
    const by = { ...broken, stuck: "I5", imbalance: "I2" } as const
    for (const kind of findingKinds) {
      const audit = { ...sound, found: { ...sound.found, [kind]: 1 } }
      assert.deepStrictEqual(holds(audit), { ...allHold, [by[kind]]: false }, kind)
    }
  })

  it("is null while it is unknown whether it holds", () => {
    const unknown = { I1: null, I2: null, I5: null }
    assert.deepStrictEqual(holds(null), { ...unknown, I12: true })
    assert.deepStrictEqual(
      holds({ ...sound, verdict: "unknown", auditedAt: null }),
      { ...unknown, I12: true },
    )
    assert.deepStrictEqual(holds(sound, 3, true), { ...allHold, I12: null })
    assert.deepStrictEqual(holds(sound, null), { ...allHold, I12: null })
    assert.deepStrictEqual(holds(sound, 3), { ...allHold, I12: null })
  })
})
