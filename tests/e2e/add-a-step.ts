/** `docs/add-a-step.md` as a program: its commands, and its edits for a copy of the sources. */
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { blocksIn } from "./documented-commands.ts"

export const root = join(import.meta.dirname, "../..")

export const guide = "docs/add-a-step.md"

/** A block of the guide that goes into a file, before or after a line. */
export interface GuideEdit {
  readonly file: string
  readonly where: "before" | "after"
  /** The line without its indentation. */
  readonly line: string
  readonly text: string
}

const editPattern = /^In `([^`]+)`, (before|after) `([^`]+)`:\n\n```\w+\n([^]*?)^```$/gm

export const guideEdits: ReadonlyArray<GuideEdit> = [
  ...readFileSync(join(root, guide), "utf8").matchAll(editPattern),
].map(([, file = "", where, line = "", text = ""]) => ({
  file,
  where: where as GuideEdit["where"],
  line,
  text,
}))

/**
 * The file's text with the edit, indented like the line above it. Throws if the place for it is
 * missing or ambiguous.
 */
export const edited = (before: string, { file, where, line, text }: GuideEdit): string => {
  const lines = before.split("\n")
  const places = lines.flatMap((one, n) => one.trim() === line ? [n] : [])
  if (places.length !== 1) throw new Error(`${file} has ${places.length} lines ${line}`)
  const at = places[0]! + (where === "before" ? 0 : 1)
  const [indent] = /^ */.exec(lines[at - 1]!)!
  return lines.toSpliced(at, 0, ...indented(text, indent)).join("\n")
}

export const indented = (text: string, indent: string): ReadonlyArray<string> =>
  text.trimEnd().split("\n").map((line) => indent + line)

/** The commands in the guide's shell blocks, each on one line. */
export const guideCommands: ReadonlyArray<string> = Object.values(blocksIn(guide, "sh")).flat()
  .flatMap((block) => block.replaceAll(/ *\\\n */g, " ").split("\n"))

const program: ReadonlyArray<string> = "Deno" in globalThis ? ["run", "-A"] : []

const toolsOfNpx: Readonly<Record<string, string>> = {
  tsc: "node_modules/typescript/bin/tsc",
  vitest: "node_modules/vitest/vitest.mjs",
}

/** The arguments that a command of npm or npx passes to the runtime. */
const wordsOf = (command: string): ReadonlyArray<string> => {
  const [, tool, args = ""] = /^npx (\w+) (.*)$/.exec(command) ?? []
  if (tool !== undefined) return [toolsOfNpx[tool] ?? tool, ...args.split(" ")]
  const [, script = "", more = ""] = /^npm (?:run )?([\w:]+)(?: -- (.*))?$/.exec(command) ?? []
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  const [, started] = scripts[script]?.split("compose/needs.js ") ?? []
  if (started === undefined) throw new Error(`No test knows how to run: ${command}`)
  return [...started.split(" "), ...more.split(" ").filter(Boolean)]
}

/** What a command printed, and its exit code. */
export interface Ended {
  readonly code: number
  readonly output: string
}

/** Runs a command of the guide in a copy, as npm and npx would, on the runtime of this test. */
export const runIn = async (
  folder: string,
  command: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> => {
  // A test runner that a test starts is no worker of the outer one.
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"))
  const options = {
    cwd: folder,
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...environment },
    maxBuffer: 2 ** 26,
  }
  return await promisify(execFile)(process.execPath, [...program, ...wordsOf(command)], options)
    .then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, output: stdout + stderr }),
    )
}

/** The guide's command with this beginning. Throws if there is none. */
export const commandOfGuide = (beginning: string): string => {
  const found = guideCommands.find((command) => command.startsWith(beginning))
  if (found === undefined) throw new Error(`${guide} does not say: ${beginning}`)
  return found
}
