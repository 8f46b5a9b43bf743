/** No order suffers in a thousand simulated histories; and one seed is one history, on every runtime. */
import { availableParallelism } from "node:os"
import { describe, expect, it } from "vitest"
import { runCommand } from "./command.ts"
import { whyNoTest } from "./coverage.ts"
import { simulateSeeds, simulator } from "./runner.ts"

const workers = availableParallelism()

it("in 1,000 seeds every fault hits, and every invariant holds", async () => {
  const { tally, finding } = await simulateSeeds({ first: 1, seeds: 1_000, workers, simulator })
  expect(finding).toBeUndefined()
  expect(tally).toMatchObject({ seeds: 1_000 })
  expect(whyNoTest(tally)).toEqual([])
}, 300_000)

describe("the same 200 seeds have the same histories", () => {
  const seeds = { first: 5_001, seeds: 200, simulator }

  it("a second time, and with another number of threads", async () => {
    const { tally } = await simulateSeeds({ ...seeds, workers })
    const { tally: again } = await simulateSeeds({ ...seeds, workers: workers + 1 })
    expect(again).toEqual(tally)
  }, 300_000)

  it("on Node and on Deno", async () => {
    const fingerprintOn = async (runtime: "node" | "deno") => {
      const words = ["--seed", `${seeds.first}`, "--seeds", `${seeds.seeds}`]
      const { code, stdout } = await runCommand(words, runtime).ended
      return { code, fingerprint: /fingerprint [0-9a-f]{8}/.exec(stdout)?.[0] }
    }
    const onNode = await fingerprintOn("node")
    expect(onNode).toEqual({ code: 0, fingerprint: expect.any(String) })
    expect(await fingerprintOn("deno")).toEqual(onNode)
  }, 300_000)

  it("and another seed has another one", async () => {
    const of = (first: number) => simulateSeeds({ first, seeds: 1, workers: 1, simulator })
    const [one, other] = [await of(1), await of(2)]
    expect(one.tally.fingerprint).not.toBe(other.tally.fingerprint)
  })
})
