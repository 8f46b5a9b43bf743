/**
 * The gateway of Compose routes the public paths of the services, without changes, and nothing
 * else.
 */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { publicServices, roster } from "#shared/roster.ts"

const conf = readFileSync(new URL("../../compose/gateway/nginx.conf", import.meta.url), "utf8")

const publicPaths = publicServices.flatMap((name) =>
  roster[name].paths.map((path) => [path, name] as const)
)

/** The lines of nginx's map, in order: the first match decides. */
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
})
