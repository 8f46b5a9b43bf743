/**
 * Asks a registry which digest a tag has, by the OCI Distribution Specification 1.1. Only an
 * image's manifest is loaded, and the digest is computed from it: the registry's own claim is not
 * trusted.
 */
import { createHash } from "node:crypto"
import { Effect, Schema } from "effect"

/** A registry did not give a tag's digest; the message names both, and the reason. */
export class RegistryError extends Schema.TaggedError<RegistryError>()("RegistryError", {
  message: Schema.String,
}) {}

/** The location of an image, as Docker reads its name: with a host in front, or at Docker Hub. */
export const placeOf = (name: string): { readonly registry: string; readonly path: string } => {
  const [host = "", ...rest] = name.split("/")
  if (rest.length > 0 && (/[.:]/.test(host) || host === "localhost")) {
    return { registry: `${scheme(host)}://${host}`, path: rest.join("/") }
  }
  return { registry: dockerHub, path: rest.length > 0 ? name : `library/${name}` }
}

const dockerHub = "https://registry-1.docker.io"
/** Plain HTTP only for a registry on this machine. */
const scheme = (host: string) => /^(localhost|127\.0\.0\.1)(:|$)/.test(host) ? "http" : "https"

/** For one architecture, and for several (an index). */
const manifests = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]
/** The manifest size that the specification asks registries to support at least. */
const largestManifest = 4 * 1024 * 1024

/**
 * The digest that the tag has now. `registry`: asked instead of the image's own. Fails with
 * RegistryError.
 */
export const digestOf = (
  name: string,
  tag: string,
  registry?: string,
): Effect.Effect<string, RegistryError> =>
  Effect.tryPromise((signal) => {
    const place = placeOf(name)
    return ask(new URL(`/v2/${place.path}/manifests/${tag}`, registry ?? place.registry), signal)
  }).pipe(
    Effect.timeout("30 seconds"),
    Effect.mapError((error) => {
      const why = error._tag === "TimeoutError" ? "no answer in 30 seconds" : reasonOf(error.cause)
      return new RegistryError({ message: `${name}:${tag} cannot be looked up: ${why}` })
    }),
  )

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as { readonly message: string; readonly cause?: unknown }
  return cause === undefined ? message : `${message} (${(cause as Error).message})`
}

const ask = async (url: URL, signal: AbortSignal): Promise<string> => {
  const get = (headers: Record<string, string> = {}) =>
    fetch(url, { signal, headers: { accept: manifests.join(", "), ...headers } })
  const first = await get()
  const response = first.status === 401
    ? await get({ authorization: `Bearer ${await guestToken(first, signal)}` })
    : first
  if (response.status === 404) throw new Error(`${url.host} has no such image or tag`)
  if (response.status === 429) throw new Error(`${url.host} limits requests; try again later`)
  if (!response.ok) throw new Error(`${url.host} answers ${response.status}`)
  return digestIn(await bytesOf(response), response.headers.get("docker-content-digest"))
}

const bytesOf = async (response: Response): Promise<Uint8Array> => {
  const parts: Array<Uint8Array> = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > largestManifest) throw new Error("its answer is too large for a manifest")
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const digestIn = (manifest: Uint8Array, said: string | null): string => {
  const { schemaVersion, manifests, config } = parsed(manifest)
  if (schemaVersion !== 2 || (manifests ?? config) === undefined) {
    throw new Error("its answer is not a manifest")
  }
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`
  if (said?.startsWith("sha256:") && said !== digest) {
    throw new Error(`the registry says ${said}, but its manifest has ${digest}`)
  }
  return digest
}

interface Manifest {
  readonly schemaVersion?: number
  readonly manifests?: unknown
  readonly config?: unknown
}

const parsed = (manifest: Uint8Array): Manifest => {
  try {
    return JSON.parse(new TextDecoder().decode(manifest)) ?? {}
  } catch {
    return {}
  }
}

/**
 * The registry's guest token, from the address in its refusal (RFC 6750, Docker's token
 * authentication).
 */
const guestToken = async (refusal: Response, signal: AbortSignal): Promise<string> => {
  const challenge = refusal.headers.get("www-authenticate") ?? ""
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
  )
  const realm = parameters.get("realm")
  if (!/^bearer /i.test(challenge) || realm === undefined) {
    throw new Error("the registry requires a log-in: use one without, by --registry")
  }
  const url = new URL(realm)
  for (const name of ["service", "scope"]) {
    const value = parameters.get(name)
    if (value !== undefined) url.searchParams.set(name, value)
  }
  const response = await fetch(url, { signal })
  if (!response.ok) throw new Error(`${url.host} gives guests no token (${response.status})`)
  const { token, access_token } = await response.json() as Readonly<Record<string, string>>
  return token ?? access_token ?? ""
}
