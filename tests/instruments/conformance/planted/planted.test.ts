/**
 * The kit itself: a participant that keeps the protocol passes all of it, and each planted bug is
 * named by its check.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { atLength, everyNth } from "#tests/support/length.ts"
import { checks } from "../checks/all.ts"
import { Unusable } from "../contact.ts"
import { type BadAnswer, badAnswers, type Bug, type BugName, bugs } from "./bugs.ts"
import { brokenIn, type Planted, startPlanted } from "./running.ts"

const keysFolder = mkdtempSync(join(tmpdir(), "unwind-planted-keys-"))
beforeAll(() => generateServiceKeys(keysFolder))
afterAll(() => rmSync(keysFolder, { recursive: true }))

const closing = async (starting: Promise<Planted>, use: (planted: Planted) => Promise<void>) => {
  const planted = await starting
  await use(planted).finally(planted.close)
}

const kills = checks.filter(({ needs }) => needs === "--restart").map(({ name }) => name)

describe("a participant that keeps the protocol", () => {
  it.each([
    { stock: 10, inItsOwnProcess: true },
    { stock: 1, inItsOwnProcess: atLength(false, true) },
    { stock: Number.MAX_SAFE_INTEGER, inItsOwnProcess: atLength(false, true) },
  ])(
    "passes every check with $stock available",
    ({ stock, inItsOwnProcess }) =>
      closing(startPlanted({ stock }, { keysFolder, inItsOwnProcess }), async (planted) => {
        const { results, before, after, held, stopped } = await planted.conform()
        const others = results.filter(({ came }) => came !== "kept")
        const untried = inItsOwnProcess ? [] : kills
        expect(others.map(({ check, saw }) => `${check.name}: ${saw}`))
          .toEqual(untried.map((name) => `${name}: without --restart nothing is killed`))
        expect(results).toHaveLength(checks.length)
        expect([before, after, held, stopped]).toEqual([stock, stock, [], undefined])
      }),
  )
})

describe("a participant with a bug", () => {
  it.each(everyNth(3, Object.entries(bugs) as ReadonlyArray<[BugName, Bug]>))(
    "%s is named by its check",
    (bug, { namedBy }) => {
      const inItsOwnProcess = kills.includes(namedBy)
      return closing(startPlanted({ bug }, { keysFolder, inItsOwnProcess }), async (planted) => {
        const only = [namedBy]
        expect(Object.keys(brokenIn(await planted.conform({ only })))).toContain(namedBy)
      })
    },
  )
})

describe("a participant that answers", () => {
  /** How long the kit waits for an answer that does not come. */
  const timeoutMs = 1_000

  it.each(everyNth(3, Object.entries(badAnswers) as ReadonlyArray<[BadAnswer, RegExp]>))(
    "%s to a batch is told in words what is wrong",
    (answer, words) =>
      closing(startPlanted({ bad: { answer, from: 2 } }), async (planted) => {
        const report = await planted.conform({ only: ["answer-order"], timeoutMs })
        expect(brokenIn(report)["answer-order"]).toMatch(words)
      }),
  )

  it.each(
    [
      [
        "html",
        /^http:\S+ answers something that is not JSON \(200: <html>Welcome\): correct --url/,
      ],
      ["nothing", /answers something that is not JSON \(200: nothing\): correct --url/],
      ["an-error", /does not answer a plain cancel \(500: Traceback\): look at its log/],
      ["a-cut", /broke the connection \(ECONNRESET\), \d+ times/],
      ["silence", /did not answer within 1 s/],
    ] as const,
  )(
    "%s to everything cannot be tried",
    (answer, words) =>
      closing(startPlanted({ bad: { answer, from: 1 } }), async (planted) => {
        const error = await planted.conform({ timeoutMs }).catch((error: unknown) => error)
        expect(error).toBeInstanceOf(Unusable)
        expect((error as Unusable).message).toMatch(words)
      }),
  )

  it.each(["one-too-few", "an-unknown-outcome", "a-list"] as const)(
    "%s to everything breaks a rule at first contact, and nothing else is tried",
    (answer) =>
      closing(startPlanted({ bad: { answer, from: 1 } }), async (planted) => {
        const report = await planted.conform()
        expect(Object.keys(brokenIn(report))).toEqual(["first-contact"])
        expect(Object.values(brokenIn(report))[0]).toMatch(badAnswers[answer])
        expect(report.results.slice(1).every(({ came }) => came === "not tried")).toBe(true)
      }),
  )
})
