/**
 * What the public door of the system lets through: the public paths with and without their slash,
 * and nothing internal.
 */
import { request } from "node:http"
import { assert, describe, it } from "vitest"
import { anyCustomer, assertProblem, send } from "./client.ts"
import { publicRoutes } from "./routes.ts"
import { givenBaseUrl, system } from "./system-under-test.ts"

/** Posts to a path unchanged: fetch would normalize it first. */
const postAsIs = (path: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(system.baseUrl)
    const headers = { "content-type": "application/json", "content-length": 2 }
    request({ hostname, port, path, method: "POST", headers }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part) => text += part)
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }))
    }).on("error", reject).end("{}")
  })

describe("an internal path", () => {
  for (
    const path of [
      "/internal/reservations",
      "/internal/books",
      "/internal/orders",
      "/internal/decisions",
      "/internal/decisions/",
      "/internal",
      "/livez",
      "/readyz",
      "/metrics",
      "/api/orders/../metrics",
      "/docs/..%2fmetrics",
      "/api/profiles/",
      "/api/profiles",
      "//internal/decisions",
      "/./internal/decisions",
      "/INTERNAL/decisions",
      "/%69nternal/decisions",
      "/api/orders/../../internal/decisions",
      "/api/orders/%2e%2e/%2e%2e/internal/decisions",
      "/api/orders/..%2f..%2finternal/decisions",
      "/api/accounts/../profiles/",
      "/api/accounts/%2e%2e/profiles/",
      "/api/accounts/..%2fprofiles/",
      "/api/accounts/;/../../internal/reservations",
      "/api/orders\\..\\..\\internal\\decisions",
    ]
  ) {
    it(`is not reachable: ${path}`, async () => {
      const { status, text } = await postAsIs(path)
      // 405: the path has a public route at most. 400: no valid path, which the server itself
      // refuses.
      assert.include([400, 404, 405], status, text)
    })
  }
})

describe("a public path", () => {
  for (const { method, path, example, body } of publicRoutes) {
    it(`is the same with and without its slash: ${method} ${path}`, async () => {
      const customer = await anyCustomer()
      const bare = example(customer).replace(/\/$/, "")
      const [without, withSlash] = await Promise.all([bare, `${bare}/`].map((path) =>
        // Each service refuses in its own words, which shows which one answers.
        send(path, body === undefined ? { token: customer.access } : { body: {} })
      ))
      assert.strictEqual(without?.status, withSlash?.status)
      const message = without?.text.includes("Nothing is served at")
      assert.isFalse(message, without?.text)
    })
  }

  it("answers HEAD like GET, without a body", async () => {
    const customer = await anyCustomer()
    for (const { method, example } of publicRoutes) {
      if (method !== "GET") continue
      const answers = ["GET", "HEAD"].map((method) =>
        send(example(customer), { method, token: customer.access })
      )
      const [get, head] = await Promise.all(answers)
      assert.deepStrictEqual([head?.status, head?.text], [get?.status, ""])
    }
  })

  it("is answered with a problem if there is no such path", async () => {
    const customer = await anyCustomer()
    for (const path of ["/api/accounts/", "/api/orders/x/y/z"]) {
      assertProblem(await send(path, { token: customer.access }), 404, "not_found")
    }
  })
})

describe("a path of no service", () => {
  it("is answered 404, with a problem unless another ingress answers", async () => {
    // Ours in containers is nginx, and the embedded one if no other system is given.
    const { headers } = await send("/")
    const isOurs = givenBaseUrl === undefined || headers.get("server") === "nginx"
    for (const path of ["/nothing", "/api", "/apix/orders/", "/api/ordersx"]) {
      const answer = await send(path)
      if (isOurs) assertProblem(answer, 404, "not_found")
      else assert.strictEqual(answer.status, 404, path)
    }
  })
})

describe("the documentation", () => {
  it("is a page that needs nothing from another host", async () => {
    const home = await send("/")
    assert.deepStrictEqual([home.status, home.headers.get("location")], [302, "/docs"])
    const page = await send("/docs")
    assert.strictEqual(page.status, 200)
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/)
    const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "")
    assert.isAtLeast(parts.length, 4)
    for (const path of parts) assert.strictEqual((await send(path)).status, 200, path)
  })

  it("describes every public route, and says which ones need a token", async () => {
    const start = (await send("/docs/start.js")).text
    const documents = [...start.matchAll(/"(\/openapi\/\w+\.json)"/g)].map(([, path]) => path ?? "")
    const described = (await Promise.all(documents.map(routesIn))).flat()
    const expected = publicRoutes.map(({ method, path, needsToken }) => ({
      method,
      path,
      needsToken,
    }))
    assert.sameDeepMembers(described, expected)
  })
})

interface OpenApi {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

interface Operation {
  readonly summary: string
  readonly tags?: ReadonlyArray<string>
  readonly security?: ReadonlyArray<object>
  readonly parameters: ReadonlyArray<{ readonly name: string; readonly in: string }>
  readonly responses: Readonly<Record<string, { readonly description: string }>>
}

/** The public routes of one document, which must be consistent. */
const routesIn = async (documentPath: string) => {
  const { text } = await send(documentPath)
  const { openapi, info, paths, components } = JSON.parse(text) as OpenApi
  assert.match(openapi, /^3\.1\./)
  assert.isNotEmpty(info.title)
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
    assert.property(components.schemas, name)
  }
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).filter(([, { tags }]) => !tags?.includes("internal")).map(
      ([method, { summary, parameters, responses, security }]) => {
        assert.isNotEmpty(summary)
        const inPath = parameters.filter((parameter) => parameter.in === "path")
        const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
        assert.deepStrictEqual(inPath.map(({ name }) => name), names as Array<string>)
        assert.isTrue(Object.keys(responses).some((status) => status.startsWith("2")))
        return { method: method.toUpperCase(), path, needsToken: security !== undefined }
      },
    )
  )
}
