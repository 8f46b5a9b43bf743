/**
 * `npm run images`: the images that this system is built on or run with, and what they are pinned
 * to.
 */
import { join } from "node:path"
import { command } from "#shared/command/command.ts"
import { imagesSyntax } from "./arguments.ts"
import { readPins } from "./images.ts"
import { perform } from "./pinning.ts"

const root = join(import.meta.dirname!, "../..")

command(imagesSyntax(Object.keys(readPins(root))), (run) => perform(run, root))
  .main(process.argv.slice(2))
