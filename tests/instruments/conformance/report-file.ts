/** The file of `--junit`. Each effect fails with what is wrong with it, in one line. */
import { Effect } from "effect"
import { accessSync, constants, statSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"

const using = (file: string, use: () => void) =>
  Effect.try({
    try: use,
    catch: (error) => ({
      message: `--junit: ${file} cannot be written (${
        (error as Error).message
      }): name another file`,
    }),
  })

/** Looks whether it can be written, and writes nothing: nobody waits for all checks in vain. */
export const findWritable = (file: string) =>
  using(file, () => {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.isDirectory()) throw new Error("it is a folder")
    // The end of the path makes the system refuse a file in place of a folder.
    accessSync(found === undefined ? join(dirname(resolve(file)), "/") : file, constants.W_OK)
  })

export const writeFile = (file: string, text: string) =>
  using(file, () => writeFileSync(file, text))
