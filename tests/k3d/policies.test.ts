/** Who reaches whom: the edges of the roster, which are also those that the settings need, and no others. */
import { describe, expect, it } from "vitest"
import { publicServices, roster, serviceNames } from "#shared/roster.ts"
import type { Manifest } from "./kustomize.ts"
import { base, containerOf, dev, ofKind, type Selector, selects, workloadsOf } from "./system.ts"

interface Peer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
}
interface Port {
  readonly port: number
  readonly protocol?: "TCP" | "UDP"
}
interface Policy extends Manifest {
  readonly spec: {
    readonly podSelector: Selector
    readonly policyTypes: ReadonlyArray<"Ingress" | "Egress">
    readonly ingress?: ReadonlyArray<{
      readonly from: ReadonlyArray<Peer>
      readonly ports: ReadonlyArray<Port>
    }>
    readonly egress?: ReadonlyArray<{
      readonly to: ReadonlyArray<Peer>
      readonly ports: ReadonlyArray<Port>
    }>
  }
}

/** By the roster: the services that are called and asked for keys, and the stores that are used. */
const edges = serviceNames.flatMap((name) => {
  const { calls, users, database, redis } = roster[name]
  return [
    ...calls.map((callee) => `${name} -> ${callee}:${roster[callee].port}`),
    ...(users ? [`${name} -> auth:${roster.auth.port}`] : []),
    ...(database ? [`${name} -> postgres:5432`] : []),
    ...(redis === null ? [] : [`${name} -> redis:6379`]),
  ]
}).toSorted()
const doors = publicServices.map((name) => `traefik -> ${name}:${roster[name].port}`)

/** Pods by their labels: ours, and those of the cluster that ours deal with. */
const ours = new Map(
  workloadsOf(dev).map(({ metadata, spec }) => [metadata.name, spec.template.metadata.labels]),
)
const clusters = new Map([
  ["traefik", { "app.kubernetes.io/name": "traefik" }],
  ["dns", { "k8s-app": "kube-dns" }],
  ["metrics", { "k8s-app": "metrics-server" }],
])
const systemNamespace = { "kubernetes.io/metadata.name": "kube-system" }

const podsOf = (selector: Selector, pods = ours) =>
  [...pods].filter(([, labels]) => selects(selector, labels)).map(([name]) => name)

const peersOf = ({ podSelector = {}, namespaceSelector }: Peer): ReadonlyArray<string> => {
  if (namespaceSelector === undefined) return podsOf(podSelector)
  expect(namespaceSelector.matchLabels).toEqual(systemNamespace)
  return podsOf(podSelector, clusters)
}

const policies = ofKind<Policy>(dev, "NetworkPolicy")

const pairs = (
  who: ReadonlyArray<string>,
  peers: ReadonlyArray<Peer>,
  ports: ReadonlyArray<Port>,
  edge: (pod: string, peer: string, port: number) => string,
) =>
  who.flatMap((pod) =>
    peers.flatMap(peersOf).flatMap((peer) => ports.map(({ port }) => edge(pod, peer, port)))
  )

const allowedIn = policies.flatMap(({ spec }) =>
  (spec.ingress ?? []).flatMap(({ from, ports }) =>
    pairs(podsOf(spec.podSelector), from, ports, (pod, peer, port) => `${peer} -> ${pod}:${port}`)
  )
)
const allowedOut = policies.flatMap(({ spec }) =>
  (spec.egress ?? []).flatMap(({ to, ports }) =>
    pairs(podsOf(spec.podSelector), to, ports, (pod, peer, port) => `${pod} -> ${peer}:${port}`)
  )
)

describe("the network policies", () => {
  it("deny everything to begin with, both ways", () => {
    expect(policies.filter(({ spec }) => Object.keys(spec.podSelector).length === 0)).toMatchObject(
      [
        { spec: { policyTypes: ["Ingress", "Egress"] } },
      ],
    )
  })

  it("name the direction of every rule that they have", () => {
    for (const { spec } of policies) {
      expect(spec.policyTypes.includes("Ingress")).toBe(
        spec.ingress !== undefined || isDenial(spec),
      )
      expect(spec.policyTypes.includes("Egress")).toBe(spec.egress !== undefined || isDenial(spec))
    }
  })

  it("let in the callers that the roster names, and the ingress", () => {
    expect(allowedIn.toSorted()).toEqual([...edges, ...doors].toSorted())
  })

  it("let out to where the roster leads, and to the DNS of the cluster", () => {
    const toDns = allowedOut.filter((edge) => edge.includes("-> dns"))
    expect(allowedOut.filter((edge) => !toDns.includes(edge)).toSorted()).toEqual(edges.toSorted())
    const services = [...ours.keys()].filter((name) => name !== "postgres" && name !== "redis")
    expect([...new Set(toDns)].toSorted())
      .toEqual(services.map((name) => `${name} -> dns:53`).toSorted())
    const dns = policies.find(({ metadata }) => metadata.name === "dns")
    expect(dns?.spec.egress?.[0]?.ports).toEqual([
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
    ])
  })

  it("are what the settings need, neither more nor less", () => {
    const stores: Readonly<Record<string, string>> = {
      DATABASE_URL_FILE: "postgres:5432",
      QUEUE_URL_FILE: "redis:6379",
      RATE_LIMIT_URL_FILE: "redis:6379",
    }
    const needed = workloadsOf(base).flatMap((workload) =>
      (containerOf(workload).env ?? []).flatMap(({ name, value }) => {
        const there = stores[name] ?? (value.startsWith("http") ? new URL(value).host : undefined)
        return there === undefined ? [] : [`${workload.metadata.name} -> ${there}`]
      })
    )
    expect(needed.toSorted()).toEqual(edges)
  })
})

const isDenial = ({ podSelector }: Policy["spec"]) => Object.keys(podSelector).length === 0
