/**
 * Renders a kustomization like `kubectl kustomize`, for machines without kubectl. It supports the
 * parts of Kustomize that the manifests use, refuses the rest, and has a test that compares it with
 * kubectl.
 */
import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { parse } from "effect/encoding/Yaml"

export type Json = string | number | boolean | null | ReadonlyArray<Json> | JsonObject
export interface JsonObject {
  readonly [field: string]: Json
}

/** An object of Kubernetes, as it is sent to the API. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

interface Patch {
  readonly path?: string
  readonly patch?: string
  readonly target?: { readonly kind?: string; readonly name?: string }
}

interface Kustomization {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly resources?: ReadonlyArray<string>
  readonly components?: ReadonlyArray<string>
  readonly configMapGenerator?: ReadonlyArray<{ name: string; files: ReadonlyArray<string> }>
  readonly patches?: ReadonlyArray<Patch>
  readonly replicas?: ReadonlyArray<{ readonly name: string; readonly count: number }>
}

const known =
  /^(apiVersion|kind|namespace|resources|components|configMapGenerator|patches|replicas)$/

/** Every document of a YAML text. */
export const documents = (text: string): ReadonlyArray<unknown> =>
  text.split(/^---$/m).map((document) => parse(document)).filter((value) => value !== null)

/** The objects that a folder's kustomization describes. */
export const render = (folder: string): ReadonlyArray<Manifest> =>
  withHashes(accumulate(folder, []))

const accumulate = (
  folder: string,
  before: ReadonlyArray<Manifest>,
): ReadonlyArray<Manifest> => {
  const read = (file: string) => readFileSync(join(folder, file), "utf8")
  const kustomization = parse(read("kustomization.yaml")) as Kustomization
  const unknown = Object.keys(kustomization).filter((field) => !known.test(field))
  if (unknown.length > 0) throw new Error(`${folder}: not supported: ${unknown}`)
  const generated = (kustomization.configMapGenerator ?? []).map(({ name, files }): Manifest => {
    const data = Object.fromEntries(files.map((file) => [file, read(file)]))
    return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data } as Manifest
  })
  const resources = (kustomization.resources ?? []).flatMap((path) =>
    statSync(join(folder, path)).isDirectory()
      ? accumulate(join(folder, path), [])
      : documents(read(path)) as ReadonlyArray<Manifest>
  )
  let manifests = [...before, ...resources, ...generated]
  for (const component of kustomization.components ?? []) {
    manifests = [...accumulate(join(folder, component), manifests)]
  }
  for (const { path, patch = read(path ?? ""), target } of kustomization.patches ?? []) {
    manifests = applied(manifests, parse(patch) as Manifest, target)
  }
  for (const { name, count } of kustomization.replicas ?? []) {
    const patch = { kind: "Deployment", metadata: { name }, spec: { replicas: count } }
    manifests = applied(manifests, patch as unknown as Manifest, undefined)
  }
  return manifests.map((manifest) => inNamespace(manifest, kustomization.namespace))
}

/**
 * A generated ConfigMap has a hash of its content in its name, and so do the references to it: a
 * change of the content changes the workloads.
 */
const withHashes = (manifests: ReadonlyArray<Manifest>): ReadonlyArray<Manifest> => {
  const names = new Map(
    manifests.filter(({ kind }) => kind === "ConfigMap")
      .map((manifest) => [manifest.metadata.name, `${manifest.metadata.name}-${hashOf(manifest)}`]),
  )
  const renamed = (value: Json, field = ""): Json => {
    if (isList(value)) return value.map((element) => renamed(element))
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [
        name,
        field === "configMap" && name === "name"
          ? names.get(part as string) ?? part
          : renamed(part, name),
      ]),
    )
  }
  return manifests.map((manifest) => {
    const { kind, metadata } = manifest
    return kind === "ConfigMap"
      ? { ...manifest, metadata: { ...metadata, name: names.get(metadata.name)! } }
      : renamed(manifest as unknown as Json) as unknown as Manifest
  })
}

/** Kustomize's hash: of the content without the name, in letters and digits that form no words. */
const hashOf = (configMap: Manifest): string => {
  const { data } = configMap as unknown as { readonly data: Readonly<Record<string, string>> }
  const text = JSON.stringify({ data, kind: "ConfigMap", name: "" })
    // Go's encoding of JSON.
    .replaceAll(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)
  const wordless: Readonly<Record<string, string>> = { 0: "g", 1: "h", 3: "k", a: "m", e: "t" }
  return createHash("sha256").update(text).digest("hex").slice(0, 10)
    .replaceAll(/[013ae]/g, (digit) => wordless[digit]!)
}

const applied = (
  manifests: ReadonlyArray<Manifest>,
  patch: Manifest,
  target: Patch["target"] = { kind: patch.kind, name: patch.metadata.name },
): Array<Manifest> => {
  const wanted = (pattern = ".*", text: string) => new RegExp(`^(${pattern})$`).test(text)
  const matches = ({ kind, metadata }: Manifest) =>
    wanted(target.kind, kind) && wanted(target.name, metadata.name)
  if (!manifests.some(matches)) throw new Error(`Nothing matches ${JSON.stringify(target)}`)
  if ("$patch" in patch) return manifests.filter((manifest) => !matches(manifest))
  return manifests.map((manifest) => {
    if (!matches(manifest)) return manifest
    const { apiVersion, kind, metadata } = manifest
    const merged = merge(manifest as unknown as Json, patch as unknown as Json)
    const patched = merged as unknown as Manifest
    return { ...patched, apiVersion, kind, metadata: { ...patched.metadata, ...nameOf(metadata) } }
  })
}

/** A patch with a target keeps the names of the objects that it changes. */
const nameOf = ({ name, namespace }: Manifest["metadata"]) => ({
  name,
  ...(namespace !== undefined && { namespace }),
})

/** The key of each list's elements; other lists are replaced as a whole. */
const keys: Readonly<Record<string, string>> = {
  containers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
}

/** A strategic merge: null removes, objects merge, and so do lists with a key. */
const merge = (old: Json | undefined, patch: Json, field = ""): Json => {
  const key = keys[field]
  if (key !== undefined && isList(old) && isList(patch)) {
    const of = (element: Json) => isObject(element) ? element[key] : undefined
    const changed = old.map((element) => {
      const change = patch.find((candidate) => of(candidate) === of(element))
      return change === undefined ? element : merge(element, change)
    })
    const ofOld = new Set(old.map(of))
    return [...patch.filter((element) => !ofOld.has(of(element))), ...changed]
  }
  if (!isObject(patch)) return patch
  const result: Record<string, Json> = { ...(isObject(old) && old) }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = merge(result[name], value, name)
  }
  return result
}

const isList = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value)

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !isList(value)

const inNamespace = (manifest: Manifest, namespace: string | undefined): Manifest =>
  namespace === undefined || manifest.kind === "Namespace"
    ? manifest
    : { ...manifest, metadata: { ...manifest.metadata, namespace } }
