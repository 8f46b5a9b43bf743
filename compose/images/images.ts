/**
 * The third-party images that this system is built on or run with. images.json is the single list:
 * the tag of each, and the digest that the tag had when it was last pinned (null: never). The names
 * in the Dockerfile and the manifests are written from images.json, and checked against it.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/**
 * A row of images.json. The digest is the index's if there is one, so that it is valid for every
 * architecture.
 */
export interface Pin {
  readonly tag: string
  /** "sha256:" and 64 hexadecimal digits. */
  readonly digest: string | null
}

/** By the name of the repository. */
export type Pins = Readonly<Record<string, Pin>>

export interface Image extends Pin {
  readonly name: string
  /** The files that name it. */
  readonly files: ReadonlyArray<string>
}

/** A place where a file names an image. */
export interface Mention {
  readonly file: string
  readonly name: string
  /** The whole reference, as in the file. */
  readonly reference: string
}

const pinsFile = "compose/images.json"

export const readPins = (root: string): Pins =>
  JSON.parse(readFileSync(join(root, pinsFile), "utf8"))

export const referenceOf = ({ name, tag, digest }: Pin & { readonly name: string }): string =>
  `${name}:${tag}${digest === null ? "" : `@${digest}`}`

/** A reference without its tag and digest. A registry's port is not a tag. */
export const nameIn = (reference: string): string =>
  reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "")

/** Our own images, which the Dockerfile makes. */
const isOwn = (name: string) => /^unwind(-\w+)?$/.test(name)

/** The text before an image: in a test with containers, in a manifest, in a Dockerfile. */
const before = (file: string): RegExp => {
  if (file.endsWith(".ts")) return /^const image = "/
  return file.endsWith(".yaml") ? /\bimage(?:Name)?: "?/ : /^FROM (?:--\S+ )?|^COPY --from=/
}
const reference = /[\w.-]+(?::\d+)?(?:\/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?/

/** An image in a file, with the text before it. */
const mention = (file: string): RegExp =>
  new RegExp(`(${before(file).source})(${reference.source})(?=["\\s,}]|$)`, "gm")

const filesIn = (root: string): ReadonlyArray<string> =>
  globSync(["compose.yaml", "compose/**/{Dockerfile,*.yaml}", "k3d/**/*.yaml", "tests/e2e/*.ts"], {
    cwd: root,
  }).map((file) => file.replaceAll("\\", "/")).sort()

const mentionsIn = (file: string, text: string): ReadonlyArray<Mention> => {
  const stages = new Set([...text.matchAll(/^FROM .* AS (\S+)$/gm)].map(([, stage]) => stage))
  return [...text.matchAll(mention(file))].flatMap(([, , reference = ""]) => {
    const name = nameIn(reference)
    return stages.has(reference) || isOwn(name) ? [] : [{ file, name, reference }]
  })
}

/** Every place that names a third-party image. */
export const mentionsOf = (root: string): ReadonlyArray<Mention> =>
  filesIn(root).flatMap((file) => mentionsIn(file, readFileSync(join(root, file), "utf8")))

/** All images, with the files that name them. */
export const imagesOf = (root: string): ReadonlyArray<Image> => {
  const mentions = mentionsOf(root)
  return Object.entries(readPins(root)).map(([name, pin]) => ({
    name,
    ...pin,
    files: [...new Set(mentions.filter((one) => one.name === name).map(({ file }) => file))],
  }))
}

/** Where the files differ from images.json, a line for each difference. */
export const disagreements = (root: string): ReadonlyArray<string> => {
  const pins = readPins(root)
  const mentions = mentionsOf(root)
  return [
    ...mentions.flatMap(({ file, name, reference }) => {
      const pin = pins[name]
      if (pin === undefined) return [`${file} names ${reference}, which ${pinsFile} does not list`]
      const wanted = referenceOf({ name, ...pin })
      return reference === wanted
        ? []
        : [`${file} names ${reference}, but ${pinsFile} says ${wanted}`]
    }),
    ...Object.keys(pins)
      .filter((name) => !mentions.some((one) => one.name === name))
      .map((name) => `${pinsFile} has ${name}, which no file names`),
  ]
}

/** Writes images.json, and its references into every file. Returns the changed files. */
export const writePins = (root: string, pins: Pins): ReadonlyArray<string> => {
  const changed: Array<string> = []
  const write = (file: string, text: string) => {
    if (readFileSync(join(root, file), "utf8") === text) return
    writeFileSync(join(root, file), text)
    changed.push(file)
  }
  write(pinsFile, `${JSON.stringify(pins, null, 2)}\n`)
  for (const file of filesIn(root)) {
    const text = readFileSync(join(root, file), "utf8")
    const known = new Set(mentionsIn(file, text).map(({ reference }) => reference))
    write(
      file,
      text.replaceAll(mention(file), (all, start: string, found: string) => {
        const name = nameIn(found)
        const pin = known.has(found) ? pins[name] : undefined
        return pin === undefined ? all : start + referenceOf({ name, ...pin })
      }),
    )
  }
  return changed
}
