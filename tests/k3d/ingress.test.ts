/**
 * The ingress routes the same paths as the gateway of Compose: the public ones, and nothing else.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Ingress } from "./ingress.ts"
import { dev, ofKind, root, type Service } from "./system.ts"

const ingresses = ofKind<Ingress>(dev, "Ingress")
const [rule, ...otherRules] = ingresses.flatMap(({ spec }) => spec.rules)
const paths = rule?.http.paths ?? []

const routes = paths.map(({ path, pathType, backend }) =>
  `${pathType === "Exact" ? "=" : "^"}${path} ${backend.service.name}`
)

describe("the ingress", () => {
  it("is one, of the kind that k3s includes, for any host", () => {
    expect(ingresses).toMatchObject([{ spec: { ingressClassName: "traefik" } }])
    expect(otherRules).toEqual([])
    expect(Object.keys(rule ?? {})).toEqual(["http"])
  })

  it("routes what the gateway of Compose routes, and the front page", () => {
    const nginx = readFileSync(join(root, "compose/gateway/nginx.conf"), "utf8")
    const mapped = [...nginx.matchAll(/^\s+~\^(\S+)\s+(\w+);$/gm)]
      .map(([, pattern = "", service]) => {
        const path = pattern.replace(/(\(\/\|\$\)|\/\?\$|\$)$/, "").replaceAll("\\", "")
        return `${/(\(\/\|\$\)|\/\?\$)$/.test(pattern) ? "^" : "="}${path} ${service}`
      })
    expect(mapped.length).toBeGreaterThan(5)
    expect(routes.toSorted()).toEqual([...mapped, "=/ orders"].toSorted())
  })

  it("leads to the public ports of the services", () => {
    for (const { backend } of paths) {
      const [service] = ofKind<Service>(dev, "Service")
        .filter(({ metadata }) => metadata.name === backend.service.name)
      expect(backend.service.port.name).toBe("public")
      expect(service?.spec.ports).toContainEqual(expect.objectContaining({ name: "public" }))
    }
  })
})
