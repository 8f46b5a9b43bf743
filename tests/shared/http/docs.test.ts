/** The documentation's page, with the headers that limit what it may do in a browser. */
import { assert, describe, it } from "@effect/vitest"
import { runInNewContext } from "node:vm"
import { docsApp } from "#shared/http/docs.ts"

const app = docsApp(["auth", "orders"])

describe("the documentation's page", () => {
  it("allows no other host in it, no page around it, and no form to leave it", async () => {
    for (const path of ["/docs", "/docs/", "/docs/start.js", "/docs/swagger-ui.css"]) {
      const { headers } = await app.request(path)
      const policy = headers.get("content-security-policy")?.split("; ") ?? []
      for (
        const rule of [
          "default-src 'self'",
          "base-uri 'none'",
          "form-action 'none'",
          "frame-ancestors 'none'",
          "object-src 'none'",
        ]
      ) assert.include(policy, rule, path)
      assert.notMatch(policy.join(), /script-src[^;]*unsafe|https?:/)
      assert.strictEqual(headers.get("x-content-type-options"), "nosniff", path)
      assert.strictEqual(headers.get("x-frame-options"), "DENY", path)
    }
  })

  it("does not demand TLS: the server knows whether there is any", async () => {
    for (const path of ["/docs", "/docs/start.js"]) {
      assert.isNull((await app.request(path)).headers.get("strict-transport-security"), path)
    }
  })

  it("keeps no token, and deletes one that an earlier page has kept", async () => {
    const kept = new Map([["authorized", "a token"]])
    let options: Readonly<Record<string, unknown>> = {}
    const SwaggerUIBundle = Object.assign(
      (given: typeof options) => void (options = given),
      { presets: { apis: {} } },
    )
    runInNewContext(await (await app.request("/docs/start.js")).text(), {
      SwaggerUIBundle,
      SwaggerUIStandalonePreset: {},
      localStorage: {
        setItem: (name: string, value: string) => kept.set(name, value),
        removeItem: (name: string) => kept.delete(name),
      },
    })
    assert.strictEqual(options["dom_id"], "#ui")
    // Swagger UI writes tokens to localStorage only if told to; the default is not to.
    assert.notProperty(options, "persistAuthorization")
    assert.deepStrictEqual([...kept], [])
    const bundle = await (await app.request("/docs/swagger-ui-bundle.js")).text()
    assert.match(bundle, /persistAuthorization:!1/)
    assert.match(
      bundle,
      /if\(!\w+\(\)\.persistAuthorization\)return;.{0,100}localStorage\.setItem\("auth/s,
    )
  })

  it("is where the front page leads", async () => {
    const { status, headers } = await app.request("/")
    assert.deepStrictEqual([status, headers.get("location")], [302, "/docs"])
    assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
  })
})
