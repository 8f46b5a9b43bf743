/** The commands in a document's blocks, by heading, so that tests can run them. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

/** The blocks in a language, by heading; headings without blocks are left out. */
export const blocksIn = (
  file: string,
  language: string,
): Readonly<Record<string, ReadonlyArray<string>>> => {
  const sections = readFileSync(join(root, file), "utf8").split(/^#+ /m).slice(1)
  const block = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm")
  return Object.fromEntries(
    sections.map((section) =>
      [
        section.split("\n", 1)[0]!,
        [...section.matchAll(block)].map(([, text = ""]) => text.trim()),
      ] as const
    ).filter(([, blocks]) => blocks.length > 0),
  )
}

/** The lines of all shell blocks that match, by heading; headings without any are left out. */
export const commandsIn = (
  file: string,
  beginning: string | RegExp,
): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    Object.entries(blocksIn(file, "sh")).map(([heading, blocks]) => {
      const lines = blocks.flatMap((block) => block.split("\n"))
      return [heading, lines.filter((line) => beginsWith(line, beginning))] as const
    }).filter(([, lines]) => lines.length > 0),
  )

const beginsWith = (line: string, beginning: string | RegExp): boolean =>
  typeof beginning === "string" ? line.startsWith(beginning) : beginning.test(line)
