/** A bill of materials in CycloneDX 1.6 (ECMA-424). */
import type { Bill } from "./bill.ts"
import type { Component } from "./packages.ts"

const hashesOf = ({ hash }: Component) =>
  hash === undefined ? {} : { hashes: [{ alg: hash.algorithm, content: hash.hex }] }

const licencesOf = ({ licence }: Component) => {
  if (licence === undefined) return {}
  return /^[\w.+-]+$/.test(licence)
    ? { licenses: [{ license: { id: licence } }] }
    : { licenses: [{ expression: licence }] }
}

const entryOf = (component: Component) => ({
  type: component.kind === "container" ? "container" : "library",
  "bom-ref": component.ref,
  name: component.name,
  version: component.version,
  scope: component.optional ? "optional" : "required",
  ...hashesOf(component),
  ...licencesOf(component),
  purl: component.purl,
})

export const cyclonedx = ({ of, madeAt, components, needs }: Bill): object => ({
  $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: {
    timestamp: madeAt.toISOString(),
    component: {
      type: of.kind,
      "bom-ref": of.ref,
      name: of.name,
      version: of.version,
      purl: of.purl,
    },
  },
  components: components.map(entryOf),
  dependencies: [
    { ref: of.ref, dependsOn: needs },
    ...components.map(({ ref, needs }) => ({ ref, dependsOn: needs })),
  ],
})
