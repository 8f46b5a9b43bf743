/** The bills of materials, compared with what is installed and built, and with their formats. */
import { describe, expect, it } from "vitest"
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Bill, billOfImage, billOfProject, lockFileOf } from "#compose/sbom/bill.ts"
import { cyclonedx } from "#compose/sbom/cyclonedx.ts"
import { packagesOf } from "#compose/sbom/packages.ts"
import { spdx } from "#compose/sbom/spdx.ts"

const root = join(import.meta.dirname, "../../..")
const madeAt = new Date("2026-01-02T03:04:05.678Z")
const shipped = billOfProject(root, false, madeAt)
const everything = billOfProject(root, true, madeAt)
const refs = ({ components }: Bill) => components.map(({ ref }) => ref)
const packages = (bill: Bill) => bill.components.filter(({ kind }) => kind === "package")

/** Everything that is reached from the direct dependencies of the bill. */
const reached = ({ needs, components }: Bill): ReadonlySet<string> => {
  const byRef = new Map(components.map((component) => [component.ref, component]))
  const found = new Set<string>()
  const visit = (ref: string) => {
    if (found.has(ref)) return
    found.add(ref)
    byRef.get(ref)?.needs.forEach(visit)
  }
  needs.forEach(visit)
  return found
}

describe("the bill of the project", () => {
  it("names every package that is installed, with its version", () => {
    const installed = globSync("node_modules/{*,@*/*}/package.json", { cwd: root }).map((file) => {
      const { name, version } = JSON.parse(readFileSync(join(root, file), "utf8"))
      return `${name}@${version}`
    })
    expect(installed.length).toBeGreaterThan(100)
    expect(installed.filter((ref) => !refs(everything).includes(ref))).toEqual([])
  })

  it("names what ships: everything that a run needs, and nothing else", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    for (const [name, version] of Object.entries(dependencies)) {
      expect(refs(shipped)).toContain(`${name}@${version}`)
    }
    expect([...reached(shipped)].sort()).toEqual(refs(shipped).toSorted())
    expect(refs(shipped).filter((ref) => /^(vitest|typescript|newman|deno|node)@/.test(ref)))
      .toEqual([])
    expect(refs(everything)).toEqual(expect.arrayContaining(refs(shipped)))
  })

  it("names the images that the system runs on", () => {
    const images = shipped.components.filter(({ kind }) => kind === "container")
    expect(images.map(({ name }) => name)).toEqual([
      "denoland/deno",
      "grafana/otel-lgtm",
      "nginx",
      "node",
      "postgres",
      "redis",
    ])
    for (const { ref, version } of images) expect(ref).toMatch(new RegExp(`:${version}(@|$)`))
  })

  it("has the digest of every package, as npm checks it", () => {
    const { packages: locked } = lockFileOf(root)
    for (const { ref, hash } of packages(everything)) {
      expect([ref, hash?.algorithm, hash?.hex.length]).toEqual([ref, "SHA-512", 128])
    }
    const effect = packages(shipped).find(({ name }) => name === "effect")!
    expect(locked["node_modules/effect"]?.integrity).toBe(
      `sha512-${Buffer.from(effect.hash!.hex, "hex").toString("base64")}`,
    )
  })

  it("finds a package's dependency where Node finds it: the nearest one", () => {
    const { components, named } = packagesOf({
      packages: {
        "": { dependencies: { a: "*", b: "*" }, devDependencies: { c: "*" } },
        "node_modules/a": { version: "1.0.0", dependencies: { b: "2", gone: "*" } },
        "node_modules/a/node_modules/b": { version: "2.0.0", dependencies: { "@s/d": "*" } },
        "node_modules/b": { version: "1.0.0" },
        "node_modules/c": { version: "1.0.0", dev: true, dependencies: { b: "1" } },
        "node_modules/@s/d": { version: "3.0.0", optionalDependencies: { a: "*" } },
      },
    }, { dev: false })
    expect(named).toEqual(["a@1.0.0", "b@1.0.0"])
    expect(components.map(({ ref, needs }) => [ref, needs])).toEqual([
      ["@s/d@3.0.0", ["a@1.0.0"]],
      ["a@1.0.0", ["b@2.0.0"]],
      ["b@1.0.0", []],
      ["b@2.0.0", ["@s/d@3.0.0"]],
    ])
  })
})

describe("the bill of an image", () => {
  const bill = billOfImage("unwind:dev", {
    id: "sha256:0123",
    distribution: { id: "debian", version: "12" },
    debian: "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n" +
      "Description: a library\n Version: 0\n\n" +
      "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n" +
      "Package: libstdc++6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:12.2~x\n",
    npm: { packages: { "node_modules/jose": { version: "6.2.17", license: "MIT" } } },
  }, madeAt)

  it("names what Debian and npm have installed there, and nothing that was removed", () => {
    expect(bill.components.map(({ purl }) => purl)).toEqual([
      "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12",
      "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2~x?arch=amd64&distro=debian-12",
      "pkg:npm/jose@6.2.17",
    ])
    expect(bill.of).toMatchObject({ kind: "container", purl: "pkg:docker/unwind@sha256%3A0123" })
  })
})

describe.each([["what ships", shipped], ["everything", everything]])("%s", (_what, bill) => {
  it("is valid CycloneDX: each part once, and every dependency among them", () => {
    const { components, dependencies, metadata } = cyclonedx(bill) as {
      components: ReadonlyArray<{ "bom-ref": string; purl: string; licenses?: unknown }>
      dependencies: ReadonlyArray<{ ref: string; dependsOn: ReadonlyArray<string> }>
      metadata: { component: { "bom-ref": string } }
    }
    const all = components.map((component) => component["bom-ref"])
    expect(all).toEqual(refs(bill))
    expect(new Set(all).size).toBe(all.length)
    const own = metadata.component["bom-ref"]
    expect(dependencies.map(({ ref }) => ref)).toEqual([own, ...all])
    const needed = dependencies.flatMap(({ dependsOn }) => dependsOn)
    expect(needed.filter((ref) => !all.includes(ref))).toEqual([])
    for (const { purl } of components) expect(purl).toMatch(/^pkg:(npm|docker)\/[^\s@]+@[^\s@]+$/)
  })

  it("is valid SPDX: each part once, and every dependency among them", () => {
    const document = spdx(bill) as {
      creationInfo: { created: string }
      documentNamespace: string
      packages: ReadonlyArray<{ SPDXID: string; name: string; licenseDeclared: string }>
      relationships: ReadonlyArray<{ spdxElementId: string; relatedSpdxElement: string }>
    }
    expect(document.creationInfo.created).toBe("2026-01-02T03:04:05Z")
    const ids = document.packages.map(({ SPDXID }) => SPDXID)
    expect(ids).toHaveLength(bill.components.length + 1)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^SPDXRef-[A-Za-z0-9.-]+$/)
    const related = document.relationships.flatMap(({ spdxElementId, relatedSpdxElement }) => [
      spdxElementId,
      relatedSpdxElement,
    ])
    expect(related.filter((id) => id !== "SPDXRef-DOCUMENT" && !ids.includes(id))).toEqual([])
    expect(document.documentNamespace).not.toBe(
      (spdx({ ...bill, madeAt: new Date(0) }) as typeof document).documentNamespace,
    )
  })
})

it("licences that were read by hand belong to existing packages, whose files say so", () => {
  const byHand = packages(everything).filter(({ name }) =>
    ["httpntlm", "stack-trace"].includes(name)
  )
  expect(byHand.map(({ licence }) => licence)).toEqual(["MIT", "MIT"])
  for (const { name } of byHand) {
    const file = ["LICENSE", "License"].map((one) => join(root, "node_modules", name, one))
      .find(existsSync)
    expect(readFileSync(file!, "utf8")).toMatch(/Permission is hereby granted, free of charge/)
  }
})
