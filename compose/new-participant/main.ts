/**
 * `npm run new:participant`: creates a participant of the order saga, complete except for what an
 * order takes of it.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Console, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { addedLines } from "./added-lines.ts"
import { newParticipantSyntax } from "./arguments.ts"
import { isMade, stillLeft } from "./earlier-run.ts"
import type { Suggested } from "./left-to-write.ts"
import { plan } from "./plan.ts"
import { type Changed, changedBy, NotWritten, writeAll } from "./project-files.ts"

const root = join(import.meta.dirname!, "../..")

const indented = (lines: ReadonlyArray<string>, by: string) =>
  lines.map((line) => `${by}${line}`.trimEnd()).join("\n")

const listed = ({ file, before, what }: Changed) =>
  `${before === undefined ? "made    " : "edited  "} ${file}: ${[...new Set(what)].join("; ")}`

const shown = ({ file, before, after }: Changed) =>
  `${file}\n${
    indented(before === undefined ? after.trimEnd().split("\n") : addedLines(before, after), "+ ")
  }`

const nextSteps = (left: ReadonlyArray<Suggested>) => {
  const places = left.map(({ file, what, lines }) =>
    `  ${file}, ${what}:\n\n${indented(lines.trimEnd().split("\n"), "  ")}`
  )
  return `
What only you know is left to write: what an order takes, why it fails, and the field of the order
that names it. For example:

${places.join("\n\n")}

Continue with docs/add-a-step.md: what the row means, how to find what is forgotten, what happens to
orders in flight, and how to create the database where data exists already.`
}

command(newParticipantSyntax, ({ dryRun, ...wanted }) =>
  Effect.gen(function* () {
    const folder = `services/${wanted.name}`
    const left = stillLeft(wanted)
    if (isMade(wanted)) {
      yield* Console.log(`An earlier run has made ${folder}. Nothing is changed.`)
      yield* Console.log(left.length > 0 ? nextSteps(left) : "Nothing is left to write.")
      return
    }
    if (existsSync(join(root, folder))) {
      return yield* new NotWritten({
        message: `Nothing is written: ${folder} exists already`,
      })
    }
    const changed = yield* changedBy(root, plan(wanted))
    if (!dryRun) yield* writeAll(root, changed)
    yield* Console.log(changed.map(dryRun ? shown : listed).join(dryRun ? "\n\n" : "\n"))
    yield* Console.log(nextSteps(left))
  })).main(process.argv.slice(2))
