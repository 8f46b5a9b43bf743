import { describe, expect, it } from "vitest"
import { understand } from "#shared/command/understand.ts"
import { benchSyntax } from "./arguments.ts"

describe("the arguments of the bench", () => {
  it("runs everything but the peers by default", () => {
    const given = understand(benchSyntax, [])
    if (given.task !== "run") throw new Error(given.task)
    expect(given.options).toMatchObject({ runs: 5, orders: 50_000, json: false, deno: false })
    expect(given.options.only).toContain("growth")
    expect(given.options.only).not.toContain("peers")
  })

  it.each([
    [["--short"], { only: ["queue-to-decision", "end-to-end"], runs: 2, orders: 10_000 }],
    [["--short", "--runs", "7"], { runs: 7, orders: 10_000 }],
    [["--orders=500", "--runs=1"], { runs: 1, orders: 500 }],
    [["--only", "hot,end-to-end"], { only: ["end-to-end", "hot"] }],
    [["--only=latency", "--peers"], { only: ["latency"], peers: true }],
    [["--only=peers,latency"], { only: ["latency", "peers"], peers: true }],
    [["--short", "--peers"], { only: ["queue-to-decision", "end-to-end", "peers"], peers: true }],
    [["--profile"], { profile: true, runs: 1, only: ["queue-to-decision", "end-to-end"] }],
    [["--json", "--deno", "--allow-disturbed"], { json: true, deno: true, allowDisturbed: true }],
  ])("reads %j", (words, expected) => {
    expect(understand(benchSyntax, words)).toMatchObject({ task: "run", options: expected })
  })

  it.each([
    [["--runs"]],
    [["--runs", "0"]],
    [["--runs", "51"]],
    [["--orders", "few"]],
    [["--orders", "9"]],
    [["--orders", "1e4"]],
    [["--orders="]],
    [["--only"]],
    [["--only", "everything"]],
    [["--only", "hot,"]],
    [["--profile", "--deno"]],
    [["hot"]],
    [["--fast"]],
  ])("refuses %j with one line that says what to do", (words) => {
    const given = understand(benchSyntax, words)
    expect(given).toMatchObject({ task: "refuse" })
    expect(given.task === "refuse" && given.message).toMatch(/^[^\n]+: see .* --help$/)
  })
})
