/**
 * A registry of images after the OCI Distribution Specification, with the parts that a client needs
 * to read manifests: guests get a token at the place that the refusal names, and the manifest of a
 * tag, by the name of its repository.
 */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface ImageRegistry {
  readonly url: string
  /** Gives a tag another manifest, as a push does, and returns its digest. */
  readonly push: (repository: string, tag: string) => string
  /** Called for each request; if it returns true, it has answered. */
  meddle: (request: IncomingMessage, response: ServerResponse) => boolean
  readonly close: () => Promise<void>
}

const index = "application/vnd.oci.image.index.v1+json"
const token = "for-guests"

const sha256 = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`

export const startImageRegistry = async (): Promise<ImageRegistry> => {
  const manifests = new Map<string, string>()
  let pushes = 0
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url!, registry.url)
    if (pathname === "/token") {
      // A token is for the repository that it was requested for.
      const [, repository] = /^repository:(.+):pull$/.exec(searchParams.get("scope") ?? "") ?? []
      response.end(JSON.stringify({ token: `${token}:${repository}` }))
      return
    }
    const [, repository, tag] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(pathname) ?? []
    if (request.headers.authorization !== `Bearer ${token}:${repository}`) {
      response.writeHead(401, {
        "www-authenticate": `Bearer realm="${registry.url}/token",service="stand-in",` +
          `scope="repository:${repository}:pull"`,
      }).end()
      return
    }
    const manifest = manifests.get(`${repository}:${tag}`)
    if (manifest === undefined) return void response.writeHead(404).end()
    if (!request.headers.accept?.includes(index)) return void response.writeHead(406).end()
    response.writeHead(200, {
      "content-type": index,
      "docker-content-digest": sha256(manifest),
    }).end(manifest)
  }
  const server = createServer((request, response) => {
    if (!registry.meddle(request, response)) answer(request, response)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const registry: ImageRegistry = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    meddle: () => false,
    push: (repository, tag) => {
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: index,
        manifests: [],
        annotations: { push: `${pushes += 1}` },
      })
      manifests.set(`${repository}:${tag}`, manifest)
      return sha256(manifest)
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
  return registry
}
