/** A bill of materials in SPDX 2.3 (ISO/IEC 5962). */
import { createHash } from "node:crypto"
import type { Bill } from "./bill.ts"
import type { Component } from "./packages.ts"

const idOf = (ref: string) => `SPDXRef-${ref.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`

const purlOf = (purl: string) => ({
  referenceCategory: "PACKAGE-MANAGER",
  referenceType: "purl",
  referenceLocator: purl,
})

const packageOf = ({ ref, kind, name, version, purl, licence, hash }: Component) => ({
  SPDXID: idOf(ref),
  name,
  versionInfo: version,
  primaryPackagePurpose: kind === "container" ? "CONTAINER" : "LIBRARY",
  downloadLocation: "NOASSERTION",
  filesAnalyzed: false,
  licenseDeclared: licence ?? "NOASSERTION",
  licenseConcluded: "NOASSERTION",
  copyrightText: "NOASSERTION",
  externalRefs: [purlOf(purl)],
  ...(hash && {
    checksums: [{ algorithm: hash.algorithm.replace("-", ""), checksumValue: hash.hex }],
  }),
})

const needsOf = (ref: string, needs: ReadonlyArray<string>) =>
  needs.map((need) => ({
    spdxElementId: idOf(ref),
    relationshipType: "DEPENDS_ON",
    relatedSpdxElement: idOf(need),
  }))

export const spdx = ({ of, madeAt, components, needs }: Bill): object => {
  const created = madeAt.toISOString().replace(/\.\d+Z$/, "Z")
  const packages = components.map(packageOf)
  const content = createHash("sha256").update(created + JSON.stringify(packages)).digest("hex")
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: of.ref,
    // The format requires a unique name; the address does not exist.
    documentNamespace: `http://spdx.org/spdxdocs/unwind-${content}`,
    creationInfo: { created, creators: ["Tool: unwind-sbom-1"] },
    documentDescribes: [idOf(of.ref)],
    packages: [
      {
        SPDXID: idOf(of.ref),
        name: of.name,
        versionInfo: of.version,
        primaryPackagePurpose: of.kind.toUpperCase(),
        downloadLocation: "NOASSERTION",
        filesAnalyzed: false,
        licenseDeclared: "NOASSERTION",
        licenseConcluded: "NOASSERTION",
        copyrightText: "NOASSERTION",
        externalRefs: [purlOf(of.purl)],
      },
      ...packages,
    ],
    relationships: [
      {
        spdxElementId: "SPDXRef-DOCUMENT",
        relationshipType: "DESCRIBES",
        relatedSpdxElement: idOf(of.ref),
      },
      ...needsOf(of.ref, needs),
      ...components.flatMap(({ ref, needs }) => needsOf(ref, needs)),
    ],
  }
}
