/**
 * Who reaches whom: exactly the edges of the roster, which are also those that the settings need.
 */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { serviceNamed } from "#compose/embedded/services.ts"
import { publicServices, roster, serviceNames } from "#shared/roster.ts"
import { edgesOf } from "../roster/edges.ts"
import { opened, othersPods, ourPod, type Policy } from "./policy-edges.ts"
import { base, containerOf, dev, ofKind, type Workload, workloadsOf } from "./system.ts"

const edges = edgesOf(roster).map(({ from, to, port }) => `${from} -> ${to}:${port}`).toSorted()
const doors = publicServices.map((name) => `traefik -> ${name}:${roster[name].port}`)
const toDns = serviceNames.flatMap((name) => [`${name} -> dns:53`, `${name} -> dns:53/UDP`])

const services = await Effect.runPromise(Effect.forEach(serviceNames, serviceNamed))

/** A pod's settings, including the defaults of its service. */
const settingsIn = (workload: Workload): ReadonlyArray<readonly [name: string, value: string]> => {
  const service = services.find(({ name }) => name === workload.metadata.name)
  const defaults = Object.entries(service?.settings ?? {}).flatMap(([name, setting]) =>
    setting.default === undefined ? [] : [[name, setting.default] as const]
  )
  const given = (containerOf(workload).env ?? []).map(({ name, value }) => [name, value] as const)
  return [...new Map([...defaults, ...given])]
}

const policies = ofKind<Policy>(dev, "NetworkPolicy")
const allowed = opened(policies, [
  ...workloadsOf(dev).map(({ metadata, spec }) =>
    ourPod(metadata.name, spec.template.metadata.labels)
  ),
  ...othersPods,
])

describe("the network policies", () => {
  it("deny everything first, in both directions", () => {
    expect(policies.filter(({ spec }) => Object.keys(spec.podSelector).length === 0)).toMatchObject(
      [
        { spec: { policyTypes: ["Ingress", "Egress"] } },
      ],
    )
  })

  it("name the direction of each of their rules", () => {
    for (const { spec } of policies) {
      expect(spec.policyTypes.includes("Ingress")).toBe(
        spec.ingress !== undefined || isDenial(spec),
      )
      expect(spec.policyTypes.includes("Egress")).toBe(spec.egress !== undefined || isDenial(spec))
    }
  })

  it("let in the callers of the roster internally, and the ingress publicly", () => {
    expect(allowed.in).toEqual([...edges, ...doors].toSorted())
  })

  it("let out to the callees of the roster, and to the DNS of the cluster", () => {
    expect(allowed.out).toEqual([...edges, ...toDns].toSorted())
  })

  it("are exactly what the settings need", () => {
    const stores: Readonly<Record<string, string>> = {
      DATABASE_URL_FILE: "postgres:5432",
      QUEUE_URL_FILE: "redis:6379",
      RATE_LIMIT_URL_FILE: "redis:6379",
    }
    const needed = workloadsOf(base).flatMap((workload) =>
      settingsIn(workload).flatMap(([name, value]) => {
        const there = stores[name] ?? (value.startsWith("http") ? new URL(value).host : undefined)
        return there === undefined ? [] : [`${workload.metadata.name} -> ${there}`]
      })
    )
    expect([...new Set(needed)].toSorted()).toEqual(edges)
  })
})

const isDenial = ({ podSelector }: Policy["spec"]) => Object.keys(podSelector).length === 0
