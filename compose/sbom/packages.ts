/**
 * The packages in an npm lock file (package-lock.json, or npm's record in node_modules): exactly
 * what `npm ci` installs. `npm sbom --omit dev` reads the same, but omits packages that are needed
 * both at run time and by a development package.
 */

import { readByHand } from "./licences.ts"

/** A third-party part of the system. */
export interface Component {
  /** Unique among the components: name and version. */
  readonly ref: string
  readonly kind: "package" | "container"
  readonly name: string
  readonly version: string
  /** Its origin, as a package URL (ECMA-427). */
  readonly purl: string
  /** An SPDX expression, if stated. */
  readonly licence?: string | undefined
  /** The digest of the installed package, in hexadecimal digits. */
  readonly hash?: { readonly algorithm: "SHA-256" | "SHA-512"; readonly hex: string } | undefined
  /** Whether it is skipped on machines that it does not support. */
  readonly optional?: boolean
  /** The refs of its dependencies. */
  readonly needs: ReadonlyArray<string>
}

export interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface LockFile {
  /** By folder; the project itself is "". */
  readonly packages: Readonly<Record<string, LockedPackage>>
}

export interface Packages {
  readonly components: ReadonlyArray<Component>
  /** The refs of the project's direct dependencies. */
  readonly named: ReadonlyArray<string>
}

const folder = "node_modules/"

const nameOf = (path: string): string => path.slice(path.lastIndexOf(folder) + folder.length)

const refOf = (path: string, { version }: LockedPackage): string => `${nameOf(path)}@${version}`

/**
 * The packages, sorted by name; development packages only if `dev` is true.
 */
export const packagesOf = (
  { packages }: LockFile,
  { dev }: { readonly dev: boolean },
): Packages => {
  const chosen = Object.entries(packages).filter(([path, found]) =>
    path !== "" && (dev || found.dev !== true)
  )
  const there = new Set(chosen.map(([path]) => path))
  const needsOf = (path: string, names: ReadonlyArray<string>) =>
    names.flatMap((name) => {
      const found = placesOf(path, name).find((place) => there.has(place))
      return found === undefined ? [] : [refOf(found, packages[found]!)]
    })
  const components = new Map<string, Component>()
  for (const [path, found] of chosen) {
    const ref = refOf(path, found)
    const needs = needsOf(path, namesIn(found))
    const before = components.get(ref)
    components.set(ref, {
      ref,
      kind: "package",
      name: nameOf(path),
      version: `${found.version}`,
      purl: `pkg:npm/${nameOf(path).replace("@", "%40")}@${found.version}`,
      licence: found.license ?? readByHand[ref],
      hash: hashOf(found.integrity),
      optional: found.optional === true || found.devOptional === true,
      needs: [...new Set([...before?.needs ?? [], ...needs])].sort(),
    })
  }
  const root = packages[""] ?? {}
  return {
    components: [...components.values()].sort((one, other) => one.ref < other.ref ? -1 : 1),
    named: needsOf("", [...namesIn(root), ...(dev ? Object.keys(root.devDependencies ?? {}) : [])]),
  }
}

const namesIn = ({ dependencies, optionalDependencies, peerDependencies }: LockedPackage) =>
  [dependencies, optionalDependencies, peerDependencies].flatMap((names) =>
    Object.keys(names ?? {})
  )

/** Where Node looks for a package: from the folder of the package that needs it upwards. */
const placesOf = (path: string, name: string): ReadonlyArray<string> => {
  const above = path.lastIndexOf(folder)
  return [
    `${path === "" ? "" : `${path}/`}${folder}${name}`,
    ...(path === "" ? [] : placesOf(path.slice(0, Math.max(above - 1, 0)), name)),
  ]
}

/** From a Subresource Integrity value (W3C), which npm records. */
const hashOf = (integrity: string | undefined): Component["hash"] => {
  const [, base64] = /^sha512-([\w+/]+=*)$/.exec(integrity ?? "") ?? []
  return base64 === undefined
    ? undefined
    : { algorithm: "SHA-512", hex: Buffer.from(base64, "base64").toString("hex") }
}
