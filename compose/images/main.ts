/** `npm run images`: the images that this system is built on or run with, and what they are pinned to. */
import { join } from "node:path"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments } from "./arguments.ts"
import { readPins } from "./images.ts"
import { perform } from "./pinning.ts"

const root = join(import.meta.dirname, "../..")

const given = parseArguments(process.argv.slice(2), Object.keys(readPins(root)))
switch (given.task) {
  case "help":
    console.log(help)
    break
  case "refuse":
    console.error(given.message)
    process.exitCode = 2
    break
  default:
    runMain(perform(given, root), 130)
}
