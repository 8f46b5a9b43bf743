/**
 * Bills of materials: of the project, from its lock file and its base images; and of a built image,
 * from its contents.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type Image, imagesOf, referenceOf } from "#compose/images/images.ts"
import { type Component, type LockFile, packagesOf } from "./packages.ts"

export interface Bill {
  readonly of: {
    readonly ref: string
    readonly kind: "application" | "container"
    readonly name: string
    readonly version: string
    readonly purl: string
  }
  readonly madeAt: Date
  readonly components: ReadonlyArray<Component>
  /** The refs of its direct dependencies. */
  readonly needs: ReadonlyArray<string>
}

const readJson = <A>(file: string) => JSON.parse(readFileSync(file, "utf8")) as A

export const lockFileOf = (root: string): LockFile => readJson(join(root, "package-lock.json"))

/**
 * The bill of a checkout: the packages that ship, with `dev` also those that only build and test
 * it, and the base images. Throws if there is no lock file.
 */
export const billOfProject = (root: string, dev: boolean, madeAt: Date): Bill => {
  const { name, version } = readJson<{ name: string; version: string }>(join(root, "package.json"))
  const { components, named } = packagesOf(lockFileOf(root), { dev })
  const images = imagesOf(root).filter(({ files }) => files.includes("compose/Dockerfile"))
    .map(containerOf)
  return {
    of: {
      ref: `${name}@${version}`,
      kind: "application",
      name,
      version,
      purl: `pkg:npm/${name}@${version}`,
    },
    madeAt,
    components: [...components, ...images],
    needs: [...named, ...images.map(({ ref }) => ref)],
  }
}

const containerOf = (image: Image): Component => {
  const { name, tag, digest } = image
  return {
    ref: referenceOf(image),
    kind: "container",
    name,
    version: tag,
    purl: `pkg:docker/${name}@${digest === null ? tag : encodeURIComponent(digest)}`,
    hash: digest === null
      ? undefined
      : { algorithm: "SHA-256", hex: digest.replace("sha256:", "") },
    needs: [],
  }
}

/** The contents of an image. */
export interface Contents {
  readonly id: string
  /** The text of /var/lib/dpkg/status. */
  readonly debian: string
  readonly distribution: { readonly id: string; readonly version: string }
  /** npm's record of what it installed, if any. */
  readonly npm: LockFile | undefined
}

/** The bill of a built image: Debian's packages, and npm's. */
export const billOfImage = (image: string, contents: Contents, madeAt: Date): Bill => {
  const debian = debianPackages(contents)
  const npm = contents.npm === undefined ? [] : packagesOf(contents.npm, { dev: true }).components
  const components = [...debian, ...npm]
  return {
    of: {
      ref: image,
      kind: "container",
      name: image,
      version: contents.id,
      purl: `pkg:docker/${image.replace(/:[^/:]*$/, "")}@${encodeURIComponent(contents.id)}`,
    },
    madeAt,
    components,
    needs: components.map(({ ref }) => ref),
  }
}

const debianPackages = (
  { debian, distribution: { id, version } }: Contents,
): ReadonlyArray<Component> =>
  debian.split(/\n{2,}/).flatMap((paragraph) => {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(paragraph)?.[1] ?? ""
    if (field("Status") !== "install ok installed") return []
    const [name, release, architecture] = ["Package", "Version", "Architecture"].map(field)
    return [{
      ref: `${name}:${architecture}@${release}`,
      kind: "package" as const,
      name: name!,
      version: release!,
      purl: `pkg:deb/${id}/${encodeURIComponent(name!)}@${encodeURIComponent(release!)}` +
        `?arch=${architecture}&distro=${id}-${version}`,
      needs: [],
    }]
  })
