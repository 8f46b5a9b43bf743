/**
 * Small files that are there whole or not at all, however their writer dies and whether or not the power goes: keys and
 * passwords, of which half a one would lock its owner out for good. One writer at a time for each file.
 */
import fs from "node:fs"
import path from "node:path"

/** Puts the file on the disk, in the place of the one that was there. Throws when it cannot be written. */
export const writeWhole = (file: string, content: string, mode: number): void => {
  const staging = `${file}.new`
  // One that a killed writer left may be of a mode that not even its owner may write to.
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
 * What the file holds. Nothing where there is none, or an empty one, which is what a writer that did not write it whole left
 * behind. Throws when it cannot be read: what is there must not be taken for lost.
 */
export const readIfThere = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8").trim() || undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw error
  }
}

/** Puts the names in a folder on the disk: a rename is only then sure to outlast a power cut. */
export const syncFolder = (folder: string): void => {
  if (process.platform === "win32") return // It cannot, and need not.
  const handle = fs.openSync(folder, "r")
  fs.fsyncSync(handle)
  fs.closeSync(handle)
}
