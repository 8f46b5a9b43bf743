/**
 * The network policies of the components on top of the base, compared with the users of the stores
 * and tools that they add or replace.
 */
import { documents } from "../k3d/kustomize.ts"
import { opened, othersPods, ourPod, type Pod, type Policy } from "../k3d/policy-edges.ts"
import { componentNames } from "../k3d/system.ts"
import { edgesOf } from "./edges.ts"
import { differences, type Held, labelsOf, namesOf, type Rows, textOf } from "./held.ts"

interface Opened {
  readonly in?: ReadonlyArray<string>
  readonly out?: ReadonlyArray<string>
}

const anywhere = "0.0.0.0/0"

/** The connections that each component has to open; all others are wrong. */
const wantedOf = (rows: Rows): Readonly<Record<string, Opened>> => {
  const users = (store: string, where: string, ...ports: ReadonlyArray<number>) =>
    edgesOf(rows).filter(({ to }) => to === store)
      .flatMap(({ from }) => ports.map((port) => `${from} -> ${where}:${port}`))
  const ofQueue = namesOf(rows, ({ redis }) => redis === "queue")
  const among = ["cnpg -> cnpg:5432", "cnpg -> cnpg:8000"]
  return {
    "managed-postgres": { out: users("postgres", anywhere, 5432) },
    // Without and with TLS, as at different providers.
    "managed-redis": { out: users("redis", anywhere, 6379, 6380) },
    upstash: { out: ofQueue.map((name) => `${name} -> ${anywhere}:443`) },
    keda: { in: ["keda -> redis:6379"] },
    observability: {
      in: namesOf(rows).map((name) => `prometheus -> ${name}:internal`),
      out: namesOf(rows).flatMap((name) =>
        ["prometheus", "grafana"].map((pod) => `${name} -> ${pod}:4318`)
      ),
    },
    cloudnativepg: {
      in: [
        ...users("postgres", "cnpg", 5432),
        ...among,
        "cnpg-operator -> cnpg:5432",
        "cnpg-operator -> cnpg:8000",
      ],
      out: [
        ...users("postgres", "cnpg", 5432),
        ...among,
        "cnpg -> dns:53",
        "cnpg -> dns:53/UDP",
        `cnpg -> ${anywhere}:443`,
        `cnpg -> ${anywhere}:6443`,
      ],
    },
  }
}

const podsOf = (rows: Rows): ReadonlyArray<Pod> => [
  ...namesOf(rows).map((name) =>
    ourPod(name, {
      ...labelsOf(rows, name),
      "app.kubernetes.io/component": "service",
    })
  ),
  ...["postgres", "redis"].map((name) =>
    ourPod(name, { "app.kubernetes.io/name": name, "app.kubernetes.io/component": "store" })
  ),
  ourPod("cnpg", { "cnpg.io/cluster": "postgres" }),
  ...othersPods,
]

/** What some policies lack, and open unnecessarily, a line for each. */
export const wrongPolicies = (
  rows: Rows,
  component: string,
  policies: ReadonlyArray<Policy>,
): ReadonlyArray<string> => {
  const wanted = wantedOf(rows)[component] ?? {}
  const found = opened(policies, podsOf(rows))
  return [
    ...differences("the way in", wanted.in ?? [], found.in),
    ...differences("the way out", wanted.out ?? [], found.out),
    ...policies.filter(({ metadata }) => metadata.namespace !== "unwind")
      .map(({ metadata }) => `the NetworkPolicy ${metadata.name} lacks namespace: unwind`),
  ]
}

export const policiesIn = (text: string) => documents(text) as ReadonlyArray<Policy>

export const heldOfComponents = (rows: Rows): ReadonlyArray<Held> =>
  componentNames.map((component) => {
    const file = `k3d/components/${component}/network-policies.yaml`
    return { file, wrong: wrongPolicies(rows, component, policiesIn(textOf(file))) }
  })
