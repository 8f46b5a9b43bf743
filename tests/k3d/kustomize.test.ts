/** The tests' own renderer, compared with kubectl's if there is one. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { documents, type Manifest, render } from "./kustomize.ts"
import { componentNames, root, withComponents } from "./system.ts"

const kubectl = (folder: string) =>
  spawnSync("kubectl", ["kustomize", folder], { encoding: "utf8" })
const { stdout } = spawnSync("kubectl", ["version", "--client"], { encoding: "utf8" })
// Before version 5, which came with kubectl 1.27, it renders less.
const hasKubectl = /Kustomize Version: v([5-9]|\d\d)/.test(stdout ?? "")

if (!hasKubectl) {
  console.warn(
    "There is no kubectl 1.27 or newer on the PATH: the manifests are checked as the tests render " +
      "them, and whether kubectl renders the same was NOT checked.",
  )
}

const byIdentity = (manifests: ReadonlyArray<Manifest>) =>
  Object.fromEntries(
    manifests.map((manifest) => [`${manifest.kind}/${manifest.metadata.name}`, manifest]),
  )

const expectSame = (folder: string) => {
  const { status, stdout, stderr } = kubectl(folder)
  expect(status, stderr).toBe(0)
  expect(byIdentity(render(folder))).toEqual(byIdentity(documents(stdout) as Array<Manifest>))
}

describe.skipIf(!hasKubectl)("the tests' renderer", () => {
  it("renders the development overlay like kubectl", () => {
    expectSame(join(root, "k3d/overlays/dev"))
  })

  for (const component of componentNames) {
    it(`renders the base with ${component} like kubectl`, () => {
      withComponents([component], expectSame)
    })
  }

  it("renders components together like kubectl", () => {
    withComponents(["managed-postgres", "upstash"], expectSame)
    withComponents(["cloudnativepg", "keda"], expectSame)
  })
})
