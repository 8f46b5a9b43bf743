/** The commands that a document has in its blocks of shell, by the heading that they stand under, so that tests run those. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

/** The lines of all blocks that begin so, by heading; headings without any are left out. */
export const commandsIn = (
  file: string,
  beginning: string | RegExp,
): Readonly<Record<string, ReadonlyArray<string>>> => {
  const sections = readFileSync(join(root, file), "utf8").split(/^#+ /m).slice(1)
  return Object.fromEntries(
    sections.map((section) => {
      const [heading = ""] = section.split("\n")
      const blocks = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = ""]) => block)
      const lines = blocks.flatMap((block) => block.trim().split("\n"))
      return [heading, lines.filter((line) => beginsWith(line, beginning))] as const
    }).filter(([, lines]) => lines.length > 0),
  )
}

const beginsWith = (line: string, beginning: string | RegExp): boolean =>
  typeof beginning === "string" ? line.startsWith(beginning) : beginning.test(line)
