import { assert, describe, it } from "@effect/vitest"
import { terminalFor } from "#services/console/cli/terminal.ts"

const colours = (isTerminal: boolean, environment: Record<string, string>) =>
  terminalFor(isTerminal, environment).paint("bad", "fail") !== "fail"
const boxes = (environment: Record<string, string>) =>
  terminalFor(true, environment).spell("│─►") === "│─►"

describe("terminalFor", () => {
  it("uses colours on a terminal only", () => {
    assert.isTrue(colours(true, {}))
    assert.isFalse(colours(false, {}))
  })

  it("uses no colours where NO_COLOR is set and not empty, or the terminal is dumb", () => {
    assert.isFalse(colours(true, { NO_COLOR: "1" }))
    assert.isTrue(colours(true, { NO_COLOR: "" }))
    assert.isFalse(colours(true, { TERM: "dumb" }))
  })

  it("draws boxes in UTF-8, which is also assumed when no locale is set", () => {
    assert.isTrue(boxes({}))
    assert.isTrue(boxes({ LANG: "en_US.UTF-8" }))
    assert.isTrue(boxes({ LC_ALL: "C.utf8", LANG: "en_US.ISO-8859-1" }))
  })

  it("falls back to ASCII for another encoding and on the Linux console", () => {
    assert.isFalse(boxes({ LANG: "en_US.ISO-8859-1" }))
    assert.isFalse(boxes({ LC_ALL: "C", LANG: "en_US.UTF-8" }))
    assert.isFalse(boxes({ TERM: "linux", LANG: "en_US.UTF-8" }))
  })
})
