/** The gateway of Compose routes what the gateway of the embedded run routes, and nothing else. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { publicPaths } from "#compose/embedded/gateway.ts"

const conf = readFileSync(new URL("../../compose/gateway/nginx.conf", import.meta.url), "utf8")

/** The lines of nginx's map, in its order: the first that matches decides. */
const routes = [...conf.matchAll(/^ {8}~(\S+) +(\w+);$/gm)].map(([, path = "", service = ""]) => ({
  path: new RegExp(path),
  service,
}))
const routed = (path: string) => routes.find((route) => route.path.test(path))?.service ?? null

describe("compose/gateway/nginx.conf", () => {
  it.each(publicPaths)("routes %s to %s", (path, service) => {
    const [start = "", rest] = path.split("/*")
    expect(routed(start)).toBe(service)
    if (rest === undefined) return
    expect(routed(`${start}/`)).toBe(service)
    expect(routed(`${start}/one/more`)).toBe(service)
    expect(routed(`${start}x`)).toBeNull()
  })

  it("routes the documentation, and nothing that no public path covers", () => {
    expect(routed("/docs")).toBe("orders")
    expect(routed("/docs/swagger-ui.css")).toBe("orders")
    expect(routes.length).toBe(publicPaths.length + 1)
  })

  it.each([
    "/internal/decisions",
    "/internal/reservations",
    "/internal/books",
    "/internal/orders",
    "/internal/orders/unfinished",
    "/api/profiles/",
    "/api",
    "/metrics",
    "/readyz",
    "/openapi.json",
    "/openapi/items.json",
    "//api/orders/",
    "/x/api/orders/",
    "/.well-known/jwksxjson",
  ])("does not route %s", (path) => {
    expect(routed(path)).toBeNull()
  })

  it("knows every service that it routes to, at that service's port", () => {
    const upstreams = [...conf.matchAll(/server (\w+):(\d+) resolve/g)].map(([, ...at]) => at)
    expect(upstreams).toEqual([["auth", "8081"], ["billing", "8082"], ["orders", "8083"]])
  })
})
