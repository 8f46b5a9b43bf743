/**
 * Copies of the sources, each with one mutation, in temporary folders that are removed at the end.
 */
import { Effect, type Scope } from "effect"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Edit } from "./bug.ts"

const root = join(import.meta.dirname, "../../..")

/** The sources of the simulation, and of the runner. */
const sources = [
  "package.json",
  "deno.json",
  "tsconfig.json",
  "services",
  "shared",
  "tests/instruments/simulation",
  "tests/instruments/planted",
  "tests/support/saga-rows.ts",
]

export const textOf = (file: string): string => readFileSync(join(root, file), "utf8")

/** Copies the sources once, since the originals may change during a run. Returns the folder. */
export const copiedSources: Effect.Effect<string, never, Scope.Scope> = temporaryFolder(
  (folder) => {
    for (const name of sources) cpSync(join(root, name), join(folder, name), { recursive: true })
  },
)

/** Copies that folder, with the edits. Returns the new folder. */
export const plantedTree = (
  original: string,
  edits: ReadonlyArray<Edit>,
): Effect.Effect<string, never, Scope.Scope> =>
  temporaryFolder((folder) => {
    cpSync(original, folder, { recursive: true })
    // On Windows, a junction needs no special rights.
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction")
    for (const { file, replace, by } of edits) {
      const text = readFileSync(join(folder, file), "utf8")
      writeFileSync(join(folder, file), text.replace(replace, () => by))
    }
  })

function temporaryFolder(
  fill: (folder: string) => void,
): Effect.Effect<string, never, Scope.Scope> {
  return Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "unwind-planted-"))),
    (folder) =>
      Effect.sync(() =>
        rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
      ),
  ).pipe(Effect.tap((folder) => Effect.sync(() => fill(folder))))
}
