/**
 * Loaded before the programs that npm starts (`node --import ./compose/needs.js`): if they cannot
 * run, it says why in one sentence, without a stack. Plain JavaScript, since an older Node cannot
 * read TypeScript.
 */
import { existsSync, readFileSync } from "node:fs"

const oldestMajor = 24

const missing = () => {
  if (Number.parseInt(process.versions.node) < oldestMajor) {
    return `Unwind runs on Node ${oldestMajor} or newer, but this is ${process.versions.node}: run \`npm ci\`, which ` +
      "installs it (but not with --ignore-scripts or --omit=dev), or install it yourself"
  }
  const { dependencies } = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  )
  const packages = Object.keys(dependencies).filter((name) =>
    !existsSync(new URL(`../node_modules/${name}/package.json`, import.meta.url))
  )
  return packages.length === 0
    ? undefined
    : `Packages are not installed (${packages.join(", ")}): run \`npm ci\``
}

const message = missing()
if (message !== undefined) {
  console.error(message)
  process.exit(1)
}
