import { describe, expect, it } from "vitest"
import { help, parseArguments } from "./arguments.ts"

describe("parseArguments", () => {
  it("runs everything but the peers when nothing is said", () => {
    const given = parseArguments([])
    expect(given).toMatchObject({ task: "run", runs: 5, orders: 50_000, json: false, deno: false })
    expect(given.task === "run" && given.only).toContain("growth")
    expect(given.task === "run" && given.only).not.toContain("peers")
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
    expect(parseArguments(words)).toMatchObject({ task: "run", ...expected })
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
    const given = parseArguments(words)
    expect(given).toMatchObject({ task: "refuse" })
    expect(given.task === "refuse" && given.message).toMatch(/^[^\n]+: see .* --help$/)
  })

  it("shows its help when asked, whatever else is said", () => {
    for (const words of [["--help"], ["-h"], ["--runs", "2", "--help"]]) {
      expect(parseArguments(words)).toEqual({ task: "help" })
    }
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(100)
  })
})
