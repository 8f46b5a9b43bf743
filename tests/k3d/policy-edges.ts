/**
 * The connections that network policies open, as Kubernetes reads them: who reaches whom, at which
 * port.
 */
import type { Manifest } from "./kustomize.ts"
import { type Selector, selects } from "./system.ts"

export interface Peer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
  readonly ipBlock?: { readonly cidr: string }
}

export interface Port {
  /** A word is the pod's own name for the port. */
  readonly port: number | string
  readonly protocol?: "TCP" | "UDP"
}

interface Rule {
  readonly from?: ReadonlyArray<Peer>
  readonly to?: ReadonlyArray<Peer>
  readonly ports?: ReadonlyArray<Port>
}

export interface Policy extends Manifest {
  readonly spec: {
    readonly podSelector: Selector
    readonly policyTypes: ReadonlyArray<"Ingress" | "Egress">
    readonly ingress?: ReadonlyArray<Rule>
    readonly egress?: ReadonlyArray<Rule>
  }
}

export interface Pod {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

const ours = "unwind"

const pod = (namespace: string, name: string, labels: Pod["labels"]): Pod => ({
  name,
  namespace,
  labels,
})

/** Pods of others: those that our pods communicate with, and some that nobody should reach. */
export const othersPods: ReadonlyArray<Pod> = [
  pod("kube-system", "traefik", { "app.kubernetes.io/name": "traefik" }),
  pod("kube-system", "dns", { "k8s-app": "kube-dns" }),
  pod("kube-system", "metrics", { "k8s-app": "metrics-server" }),
  pod("cnpg-system", "cnpg-operator", { "app.kubernetes.io/name": "cloudnative-pg" }),
  pod("cnpg-system", "cnpg-stranger", {}),
  pod("keda", "keda", { app: "keda-operator" }),
  pod("monitoring", "prometheus", { "app.kubernetes.io/name": "prometheus" }),
  pod("monitoring", "grafana", { "app.kubernetes.io/name": "grafana" }),
  pod("elsewhere", "stranger-prometheus", { "app.kubernetes.io/name": "prometheus" }),
  pod("elsewhere", "stranger", { "app.kubernetes.io/name": "traefik", "k8s-app": "kube-dns" }),
]

export const ourPod = (name: string, labels: Pod["labels"]): Pod => pod(ours, name, labels)

const namesOf = (
  { podSelector = {}, namespaceSelector, ipBlock }: Peer,
  pods: ReadonlyArray<Pod>,
) =>
  ipBlock !== undefined
    ? [ipBlock.cidr]
    : pods.filter(({ namespace, labels }) =>
      selects(podSelector, labels) &&
      (namespaceSelector === undefined
        ? namespace === ours
        : selects(namespaceSelector, { "kubernetes.io/metadata.name": namespace }))
    ).map(({ name }) => name)

const portsOf = ({ ports }: Rule): ReadonlyArray<string> =>
  ports?.map(({ port, protocol }) => protocol === "UDP" ? `${port}/UDP` : `${port}`) ?? ["any port"]

/** The connections that are let in and let out, each as "FROM -> TO:PORT", sorted. */
export const opened = (
  policies: ReadonlyArray<Policy>,
  pods: ReadonlyArray<Pod>,
): { readonly in: ReadonlyArray<string>; readonly out: ReadonlyArray<string> } => {
  const edges = (
    type: "Ingress" | "Egress",
    edge: (pod: string, peer: string, port: string) => string,
  ) =>
    policies.filter(({ spec }) => spec.policyTypes.includes(type)).flatMap(({ spec }) => {
      const meant = namesOf({ podSelector: spec.podSelector }, pods)
      return ((type === "Ingress" ? spec.ingress : spec.egress) ?? []).flatMap((rule) => {
        // A rule without peers means everybody.
        const peers = (rule.from ?? rule.to)?.flatMap((peer) => namesOf(peer, pods)) ?? ["anybody"]
        return meant.flatMap((pod) =>
          peers.flatMap((peer) => portsOf(rule).map((port) => edge(pod, peer, port)))
        )
      })
    }).toSorted()
  return {
    in: edges("Ingress", (pod, peer, port) => `${peer} -> ${pod}:${port}`),
    out: edges("Egress", (pod, peer, port) => `${pod} -> ${peer}:${port}`),
  }
}
