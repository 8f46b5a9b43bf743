/** The licences of all packages, compared with those that are allowed. */
import { describe, expect, it } from "vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { billOfProject, lockFileOf } from "#compose/sbom/bill.ts"
import {
  allows,
  forDevelopment,
  licenceTable,
  permissive,
  readByHand,
} from "#compose/sbom/licences.ts"
import type { Component } from "#compose/sbom/packages.ts"

const root = join(import.meta.dirname, "../../..")
const all = billOfProject(root, true, new Date(0)).components
const shipped = new Set(billOfProject(root, false, new Date(0)).components.map(({ ref }) => ref))
const ships = ({ ref }: Component) => shipped.has(ref)

describe("every package", () => {
  it("is under a licence that is allowed for its use", () => {
    const { lines, wrong } = licenceTable(all, ships)
    expect(wrong).toEqual([])
    expect(lines.length).toBeGreaterThan(200)
    expect(lines.filter((line) => !line.endsWith("(development)")).length).toBeGreaterThan(20)
  })

  it("declares the licence that the lock file says", () => {
    const differing = Object.entries(lockFileOf(root).packages).filter(([path, locked]) => {
      const file = join(root, path, "package.json")
      if (path === "" || !existsSync(file)) return false
      const { license } = JSON.parse(readFileSync(file, "utf8"))
      // The older forms, which npm does not record, were read by hand.
      return typeof license === "string" && license !== locked.license
    })
    expect(differing).toEqual([])
  })

  it("has one of these: none that was read by hand is gone or changed", () => {
    const refs = all.map(({ ref }) => ref)
    expect(Object.keys(readByHand).filter((ref) => !refs.includes(ref))).toEqual([])
  })
})

describe("a licence", () => {
  it.each([
    ["MIT", true],
    ["GPL-3.0-only", false],
    ["(MIT OR GPL-3.0-only)", true],
    ["GPL-3.0-only OR MIT", true],
    ["MIT AND GPL-3.0-only", false],
    ["MIT AND (GPL-2.0 OR ISC)", true],
    ["(MIT AND GPL-2.0) OR GPL-3.0", false],
    ["MIT OR GPL-2.0 AND GPL-3.0", true],
    ["Apache-2.0 WITH LLVM-exception", false],
    ["SEE LICENSE IN LICENSE.txt", false],
    ["UNLICENSED", false],
    ["(MIT", false],
    ["MIT)", false],
    ["MIT OR", false],
    ["", false],
    ["mit", false],
  ])("%j is allowed: %j", (expression, allowed) => {
    expect(allows(permissive, expression)).toBe(allowed)
  })

  it("that demands more is allowed only for development, and a missing one never", () => {
    expect(permissive.filter((one) => !forDevelopment.includes(one))).toEqual([])
    const component = (licence?: string): Component => ({
      ...{ ref: "a@1", kind: "package", name: "a", version: "1", purl: "pkg:npm/a@1" },
      ...{ licence, needs: [] },
    })
    const wrong = (licence: string | undefined, used: boolean) =>
      licenceTable([component(licence)], () => used).wrong
    expect(wrong("MPL-2.0", false)).toEqual([])
    expect(wrong("MPL-2.0", true)).toEqual(["a@1: MPL-2.0, which is not allowed for what ships"])
    expect(wrong(undefined, false)).toEqual([
      "a@1: no licence is named, which is not allowed for development",
    ])
  })
})
