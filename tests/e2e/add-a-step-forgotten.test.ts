/**
 * Each place that must know a new participant is left out in turn: the type check or a test names
 * the file and says what it lacks. So nobody has to remember all places.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Edit } from "#compose/new-participant/edits.ts"
import { atLength } from "#tests/support/length.ts"
import { commandOfGuide, guide, root, runIn } from "./add-a-step.ts"
import { copySources, edits, whyNoFourthStep } from "./fourth-step.ts"

const files = [...new Set(edits.map(({ file }) => file))]

let copy: string
beforeAll(() => {
  copy = copySources()
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

const textOf = (file: string) => {
  try {
    return readFileSync(join(root, file), "utf8")
  } catch {
    return ""
  }
}

/** Makes all edits in the copy except these; a file without any edits does not exist. */
const leaveOut = (forgotten: ReadonlyArray<Edit>) => {
  for (const file of files) {
    const text = edits.filter((edit) => edit.file === file && !forgotten.includes(edit))
      .reduce((text, { edit }) => edit(text), textOf(file))
    const path = join(copy, file)
    mkdirSync(dirname(path), { recursive: true })
    text === "" ? rmSync(path, { force: true }) : writeFileSync(path, text)
  }
}

/** The failures of the tests, each as a person reads it. */
const failuresOf = async (tests: string): Promise<ReadonlyArray<string>> => {
  const { output } = await runIn(copy, `${tests} --reporter=dot`)
  return output.split(/^ FAIL /m).slice(1)
}

/** Where the type check reports that something is missing in a file. */
const foundIn: Readonly<Record<string, string>> = {
  "shared/contracts/order-saga.ts": "services/courier/service.ts",
  "shared/contracts/order.ts": "shared/contracts/order-saga.ts",
  "shared/roster.ts": "services/orchestrator",
}

const typeChecked = edits.filter(({ file }) => file.startsWith("shared/"))

it.skipIf(whyNoFourthStep).each(atLength([], typeChecked))(
  "the type check reports what is forgotten in $file: $what",
  async (edit) => {
    leaveOut([edit])
    const { code, output } = await runIn(copy, commandOfGuide("npx tsc"))
    expect(code).not.toBe(0)
    expect(output).toMatch(new RegExp(`^${foundIn[edit.file]}.*(?:courier|district)`, "m"))
  },
)

/** One edit of each file at a time, so that a failure for a file belongs to its missing edit. */
const inTurn = (edits: ReadonlyArray<Edit>): ReadonlyArray<ReadonlyArray<Edit>> => {
  const nth = edits.map(({ file }, n) =>
    edits.slice(0, n).filter((one) => one.file === file).length
  )
  return [...new Set(nth)].map((turn) => edits.filter((_, n) => nth[n] === turn))
}

const inFolder = edits.filter(({ file }) => file.startsWith("services/"))
const elsewhere = inTurn(edits.filter(({ file }) => !/^(?:services|shared)\//.test(file)))
const rounds = [inFolder, ...atLength([], elsewhere)]

it.skipIf(whyNoFourthStep).each(
  rounds.map((round) => [round.map(({ what }) => what).join(", "), round] as const),
)(
  "a test reports, by file, what is forgotten: %s",
  async (_, round) => {
    leaveOut(round)
    // Those tests of the guide that only read files.
    const tests = commandOfGuide("npx vitest")
      .replace("tests/roster tests/k3d", "tests/roster/roster.test.ts")
    const failed = await failuresOf(tests)
    const unnoticed = round.filter(({ file }) =>
      !failed.some((text) => text.includes(file) && /courier/i.test(text))
    )
    expect(unnoticed).toEqual([])
  },
)

it.skipIf(whyNoFourthStep)(
  "a test reports each runbook without a command for the new database",
  async () => {
    leaveOut([])
    const command = "npx vitest run tests/operate.test.ts tests/security.test.ts"
    expect(readFileSync(join(root, guide), "utf8")).toContain(command)
    const failed = await failuresOf(command)
    for (const file of ["operate", "security"]) {
      expect(failed.filter((text) => text.includes(`tests/${file}.test.ts`)).join()).toMatch(
        /courier/,
      )
    }
  },
)
