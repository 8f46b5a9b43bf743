/**
 * Applies the edits to the project's files: all are computed before anything is written, and a
 * failed write undoes the ones before it.
 */
import { existsSync } from "node:fs"
import { access, constants, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect, Schema } from "effect"
import { type Edit, PlaceMissing } from "./edits.ts"

/** Nothing is written; the message has a line for each reason, with the remedy. */
export class NotWritten extends Schema.TaggedError<NotWritten>()("NotWritten", {
  message: Schema.String,
}) {}

/** A file before and after all of its edits; `before` is undefined for a new file. */
export interface Changed {
  readonly file: string
  readonly before: string | undefined
  readonly after: string
  readonly what: ReadonlyArray<string>
}

const isCode = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code

const textOf = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8")
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return undefined
    throw error
  }
}

const notWritten = (lines: ReadonlyArray<string>) =>
  new NotWritten({ message: `Nothing is written:\n  ${lines.join("\n  ")}` })

const causeOf = (error: unknown) => (error as Error).message

/** The edited files. Fails with NotWritten, which names each place that is missing. */
export const changedBy = (
  root: string,
  edits: ReadonlyArray<Edit>,
): Effect.Effect<ReadonlyArray<Changed>, NotWritten> =>
  Effect.gen(function* () {
    const missing: Array<string> = []
    const changed = new Map<string, Changed>()
    for (const { file, what, edit } of edits) {
      const before = changed.has(file) ? changed.get(file)!.before : yield* Effect.tryPromise({
        try: () => textOf(join(root, file)),
        catch: (error) => notWritten([`${file}: ${causeOf(error)}`]),
      })
      const { after, what: said } = changed.get(file) ?? { after: before ?? "", what: [] }
      try {
        changed.set(file, { file, before, after: edit(after), what: [...said, what] })
      } catch (error) {
        if (!(error instanceof PlaceMissing)) throw error
        changed.set(file, { file, before, after, what: said })
        missing.push(`${file}: no place for ${what}: ${error.message}`)
      }
    }
    return missing.length === 0 ? [...changed.values()] : yield* notWritten(missing)
  })

const isWritable = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.W_OK)
    return true
  } catch (error) {
    // It will be created, so its folder has to be writable.
    return isCode(error, "ENOENT") && path !== dirname(path) && await isWritable(dirname(path))
  }
}

const write = async (root: string, changed: ReadonlyArray<Changed>) => {
  const undo: Array<() => Promise<void>> = []
  try {
    for (const { file, before, after } of changed) {
      const path = join(root, file)
      const made = await mkdir(dirname(path), { recursive: true })
      if (made !== undefined) undo.push(() => rm(made, { recursive: true }))
      undo.push(async () => {
        if (before !== undefined) await writeFile(path, before)
        else if (existsSync(path)) await rm(path)
      })
      await writeFile(path, after)
    }
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

/** Writes all of them, or none. Fails with NotWritten. */
export const writeAll = (
  root: string,
  changed: ReadonlyArray<Changed>,
): Effect.Effect<void, NotWritten> =>
  Effect.tryPromise({
    try: async () => {
      for (const { file } of changed) {
        if (!await isWritable(join(root, file))) throw new Error(`${file} cannot be written to`)
      }
      await write(root, changed)
    },
    catch: (error) => notWritten([causeOf(error)]),
  })
