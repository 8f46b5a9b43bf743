/**
 * A copy of the containers' sources that a test may change; it is removed when the process ends.
 */
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

const parts = [
  ...[".dockerignore", "package.json", "package-lock.json", "deno.json", "compose.yaml"],
  ...["compose", "services", "shared"],
]

/** Copies the sources, and returns the folder. */
export const copySources = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-compose-"))
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true })
  return folder
}

/** Changes a file of the copy as many editors save: a new file replaces the old one. */
export const saveChange = (
  folder: string,
  file: string,
  change: (text: string) => string,
): void => {
  const path = join(folder, file)
  const before = readFileSync(path, "utf8")
  const after = change(before)
  if (after === before) throw new Error(`${file} does not have the text that the test changes`)
  writeFileSync(`${path}.saved`, after)
  renameSync(`${path}.saved`, path)
}
