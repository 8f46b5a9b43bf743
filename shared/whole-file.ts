/**
 * Small files that are written atomically, even if the writer dies or the power fails: keys and
 * passwords, half of which would lock their owner out for good. One writer at a time for each file.
 */
import fs from "node:fs"
import path from "node:path"

/** Writes the file to disk, replacing an existing one. Throws if it cannot be written. */
export const writeWhole = (file: string, content: string, mode: number): void => {
  const staging = `${file}.new`
  // A killed writer may have left one with a mode that not even its owner may write to.
  fs.rmSync(staging, { force: true })
  const handle = fs.openSync(staging, "wx", mode)
  try {
    fs.writeFileSync(handle, content)
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
  fs.renameSync(staging, file)
  syncFolder(path.dirname(file))
}

/**
 * The content of the file; undefined if it does not exist or is empty, as after a writer that was
 * not atomic. Throws if it cannot be read: an existing file must not be taken for a missing one.
 */
export const readIfThere = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8").trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

/** Writes the names in a folder to disk: only then does a rename survive a power cut. */
export const syncFolder = (folder: string): void => {
  if (process.platform === "win32") return // Windows cannot, and need not.
  const handle = fs.openSync(folder, "r")
  fs.fsyncSync(handle)
  fs.closeSync(handle)
}
