/** The two lengths of a run, and the limits of time: each is set in one place only. */
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"

const root = join(import.meta.dirname, "..")
const read = (path: string) => readFileSync(join(root, path), "utf8")

it("tests/ci.sh runs the long form of what is short in npm test, once", () => {
  expect(read("tests/ci.sh").match(/TEST_LENGTH=.*/g)).toEqual(["TEST_LENGTH=long npm test"])
  expect(read("package.json")).not.toContain("TEST_LENGTH")
})

it("no test has a time limit of its own, which a busy machine could exceed", () => {
  const files = globSync("tests/**/*.test.ts", { cwd: root })
  expect(files.length).toBeGreaterThan(100)
  // The last argument of a test or a hook, or the option of a group.
  const limit =
    /^\s*[})]+, \d+_000\)|^(?:it|describe)\b.*\{ timeout: |^ {2,}(?:\d+_000|(?:within|limit)Ms),\n\s*\)/m
  expect(files.filter((file) => limit.test(read(file)))).toEqual([])
})
