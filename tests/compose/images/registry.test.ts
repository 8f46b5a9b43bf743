/** What a registry may answer, and how each answer is handled. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import { digestOf, placeOf } from "#compose/images/registry.ts"
import { type ImageRegistry, startImageRegistry } from "#tests/support/image-registry.ts"

let registry: ImageRegistry
beforeAll(async () => {
  registry = await startImageRegistry()
})
afterAll(() => registry.close())
beforeEach(() => {
  registry.meddle = () => false
})

const ask = (name: string, tag = "1") =>
  digestOf(name, tag, registry.url).pipe(
    Effect.catch(({ message }) => Effect.succeed(message)),
    Effect.runPromise,
  )

/** Answers requests for manifests. */
const answer = (write: (response: ServerResponse) => void) => {
  registry.meddle = ({ url = "", headers }, response) => {
    if (!url.includes("/manifests/") || headers.authorization === undefined) return false
    write(response)
    return true
  }
}

describe("the place of an image", () => {
  it.each([
    ["postgres", "https://registry-1.docker.io", "library/postgres"],
    ["rancher/k3s", "https://registry-1.docker.io", "rancher/k3s"],
    ["ghcr.io/cloudnative-pg/postgresql", "https://ghcr.io", "cloudnative-pg/postgresql"],
    ["example.com:5000/a/b", "https://example.com:5000", "a/b"],
    ["localhost:5000/a", "http://localhost:5000", "a"],
    ["127.0.0.1.example.com/a", "https://127.0.0.1.example.com", "a"],
  ])("is read as Docker reads it: %s", (name, registry, path) => {
    expect(placeOf(name)).toEqual({ registry, path })
  })
})

describe("the digest of a tag", () => {
  it("is that of the manifest, which is read with a guest's token", async () => {
    expect(await ask("a/b")).toMatch(/has no such image or tag$/)
    const digest = registry.push("a/b", "1")
    expect(await ask("a/b")).toBe(digest)
  })

  it("is refused if it is not that of the manifest", async () => {
    const digest = registry.push("a/b", "1")
    answer((response) =>
      response.writeHead(200, { "docker-content-digest": digest })
        .end('{"schemaVersion":2,"manifests":[]}')
    )
    expect(await ask("a/b")).toMatch(/^a\/b:1 cannot be looked up: the registry says sha256:/)
  })

  it.each([
    ["a page", "<html></html>", /is not a manifest$/],
    ["nothing", "", /is not a manifest$/],
    ["null", "null", /is not a manifest$/],
    ["a manifest of an older kind", '{"schemaVersion":1,"fsLayers":[]}', /is not a manifest$/],
    ["something else", '{"errors":[]}', /is not a manifest$/],
    ["more than a manifest may have", " ".repeat(5 * 1024 * 1024), /too large for a manifest$/],
  ])("is not taken from %s", async (_what, body, why) => {
    answer((response) => response.writeHead(200).end(body))
    expect(await ask("a/b")).toMatch(why)
  })

  it.each([
    [429, /limits requests; try again later$/],
    [500, /answers 500$/],
    [401, /answers 401$/],
  ])("is not taken from an answer %d", async (status, why) => {
    answer((response) => response.writeHead(status).end())
    expect(await ask("a/b")).toMatch(why)
  })

  it("is not available from a registry that requires a log-in", async () => {
    registry.meddle = (_request, response) => {
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end()
      return true
    }
    expect(await ask("a/b")).toMatch(/requires a log-in/)
  })

  it("is not available when the registry hangs up or nothing listens", async () => {
    registry.meddle = (request) => {
      request.socket.destroy()
      return true
    }
    expect(await ask("a/b")).toMatch(/^a\/b:1 cannot be looked up: fetch failed|error/)
    const nobody = digestOf("a/b", "1", "http://127.0.0.1:1").pipe(Effect.flip, Effect.runPromise)
    expect((await nobody).message).toMatch(/^a\/b:1 cannot be looked up: /)
  })
})
