/**
 * What packages may run during their installation: each package with an install script needs a
 * decision.
 */
import { expect, it } from "vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../..")
const read = (file: string) => JSON.parse(readFileSync(join(root, file), "utf8"))
const { allowScripts, scarfSettings } = read("package.json") as {
  readonly allowScripts: Readonly<Record<string, boolean>>
  readonly scarfSettings: { readonly enabled: boolean }
}
const locked: Readonly<Record<string, { hasInstallScript?: boolean; dev?: boolean }>> =
  read("package-lock.json").packages
const withScripts = Object.entries(locked).filter(([, found]) => found.hasInstallScript)
const nameOf = (path: string) => path.replace(/^.*node_modules\//, "")

it("every package with an install script is allowed it, or denied it, by name", () => {
  const names = withScripts.map(([path]) => nameOf(path))
  expect(names).toContain("node")
  expect(names.filter((name) => !(name in allowScripts))).toEqual([])
})

it("no package that ships is allowed one, and the image is built without any", () => {
  const shipped = withScripts.filter(([, { dev }]) => dev !== true).map(([path]) => nameOf(path))
  expect(shipped.filter((name) => allowScripts[name])).toEqual([])
  const dockerfile = readFileSync(join(root, "compose/Dockerfile"), "utf8")
  for (const [install] of dockerfile.matchAll(/npm (ci|install).*/g)) {
    expect(install).toContain("--ignore-scripts")
  }
})

it("an installation reports nothing, also with an npm without allowScripts", () => {
  // The package that reports reads this setting in the project that installs it.
  expect(Object.keys(locked)).toContain("node_modules/@scarf/scarf")
  expect(scarfSettings).toEqual({ enabled: false })
})
