/** The bill of materials matches the image: it has exactly the npm packages that the bill names. */
import { deepStrictEqual, ok } from "node:assert/strict"
import { Effect } from "effect"
import { billOfImage, billOfProject } from "#compose/sbom/bill.ts"
import { contentsOf } from "#compose/sbom/image.ts"
import type { Component } from "#compose/sbom/packages.ts"

const named = (components: ReadonlyArray<Component>) =>
  components.filter(({ purl }) => purl.startsWith("pkg:npm/"))

/**
 * Fails unless the bill of the folder's sources matches the image. Returns a line about what was
 * compared.
 */
export const checkContents = async (folder: string, image: string): Promise<string> => {
  const madeAt = new Date()
  const contents = await contentsOf(image).pipe(Effect.runPromise)
  const { components } = billOfImage(image, contents, madeAt)
  const inside = named(components).map(({ ref }) => ref)
  const bill = named(billOfProject(folder, false, madeAt).components)
  const needed = bill.filter(({ optional }) => !optional).map(({ ref }) => ref)
  deepStrictEqual(needed.filter((ref) => !inside.includes(ref)), [], "in the bill only")
  const billed = bill.map(({ ref }) => ref)
  deepStrictEqual(inside.filter((ref) => !billed.includes(ref)), [], "in the image only")
  const debian = components.length - inside.length
  ok(debian > 20, `only ${debian} packages of Debian`)
  return `the image has ${inside.length} packages of npm, as in the bill, and ${debian} of Debian`
}
