/** Every invariant holds in every simulated history. A seed has one history, on every runtime. */
import { availableParallelism } from "node:os"
import { describe, expect, it } from "vitest"
import { atLength } from "#tests/support/length.ts"
import { runCommand } from "./command.ts"
import { fullCoverageSeeds, whyNoTest } from "./coverage.ts"
import { simulateSeeds, simulator } from "./runner.ts"

const workers = availableParallelism()

const many = atLength(60, fullCoverageSeeds)

it(`in ${many} seeds every invariant holds${atLength("", ", and every fault happens")}`, async () => {
  const { tally, finding } = await simulateSeeds({ first: 1, seeds: many, workers, simulator })
  expect(finding).toBeUndefined()
  expect(tally).toMatchObject({ seeds: many })
  // Few seeds need not meet every fault.
  expect(whyNoTest(tally)).toEqual([])
})

const some = atLength(10, 200)

describe(`the same ${some} seeds have the same histories`, () => {
  const seeds = { first: 5_001, seeds: some, simulator }

  it("again, and with another number of threads", async () => {
    const { tally } = await simulateSeeds({ ...seeds, workers: 1 })
    const { tally: again } = await simulateSeeds({ ...seeds, workers: 2 })
    expect(again).toEqual(tally)
  })

  it("on Node and on Deno", async () => {
    const fingerprintOn = async (runtime: "node" | "deno") => {
      const words = ["--seed", `${seeds.first}`, "--seeds", `${seeds.seeds}`]
      const { code, stdout } = await runCommand(words, runtime).ended
      return { code, fingerprint: /fingerprint [0-9a-f]{8}/.exec(stdout)?.[0] }
    }
    const onNode = await fingerprintOn("node")
    expect(onNode).toEqual({ code: 0, fingerprint: expect.any(String) })
    expect(await fingerprintOn("deno")).toEqual(onNode)
  })

  it("and another seed has another history", async () => {
    const of = (first: number) => simulateSeeds({ first, seeds: 1, workers: 1, simulator })
    const [one, other] = [await of(1), await of(2)]
    expect(one.tally.fingerprint).not.toBe(other.tally.fingerprint)
  })
})
