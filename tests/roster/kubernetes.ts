/**
 * The parts that only Kubernetes has, compared with the roster: the manifests of the services and
 * stores, who reaches whom, and the ingress.
 */
import { documents, type Manifest } from "../k3d/kustomize.ts"
import type { Selector, Service, Workload } from "../k3d/system.ts"
import {
  callersOf,
  differences,
  type Held,
  isPublic,
  labelsOf,
  meantBy,
  namesOf,
  type Rows,
  settingsOf,
  textOf,
  wrongSettings,
} from "./held.ts"

interface Policy extends Manifest {
  readonly spec: {
    readonly podSelector: Selector
    readonly ingress?: ReadonlyArray<{
      readonly from: ReadonlyArray<
        { readonly podSelector: Selector; readonly namespaceSelector?: Selector }
      >
      readonly ports: ReadonlyArray<{ readonly port: number }>
    }>
    readonly egress?: ReadonlyArray<{ readonly ports: ReadonlyArray<{ readonly port: number }> }>
  }
}

const manifestsIn = (file: string) => documents(textOf(file)) as ReadonlyArray<Manifest>

const find = <A extends Manifest>(all: ReadonlyArray<Manifest>, kind: string, name: string) =>
  all.find((one) => one.kind === kind && one.metadata.name === name) as A | undefined

/** Services that only the saga uses share a file. */
const fileOf = (rows: Rows, name: string) =>
  isPublic(rows[name]!) ? `k3d/base/${name}.yaml` : "k3d/base/saga.yaml"

const written = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).map(([label, value]) => `${label}: ${value}`)

const deployment = (rows: Rows, name: string, all: ReadonlyArray<Manifest>) => {
  const found = find<Workload>(all, "Deployment", name)
  if (found === undefined) return [`there is no Deployment ${name}`]
  const what = `the Deployment ${name}`
  const { metadata: { labels }, spec } = found.spec.template
  const environment = spec.containers[0]?.env ?? []
  const mounted = spec.volumes.flatMap(({ projected }) =>
    projected?.sources.flatMap(({ secret }) => secret.items.map(({ path }) => path)) ?? []
  )
  const wanted = settingsOf(rows, name)
  return [
    ...differences(
      what,
      written(labelsOf(rows, name)),
      written(labels),
    ),
    ...wrongSettings(
      rows,
      name,
      what,
      Object.fromEntries(environment.map(({ name, value }) => [name, value])),
    ),
    ...differences(
      what,
      Object.values(wanted).filter((value) => value.startsWith("/run/secrets/")),
      mounted.map((path) => `/run/secrets/${path}`),
    ),
    ...(find(all, "PodDisruptionBudget", name) ? [] : [`there is no PodDisruptionBudget ${name}`]),
  ]
}

const at = (names: ReadonlyArray<string>, ports: ReadonlyArray<{ readonly port: number }>) =>
  names.flatMap((name) => ports.map(({ port }) => `${name} at port ${port}`))

/** The pods of another namespace that a selector matches, by their labels. */
const othersNamed = ({ matchLabels = {} }: Selector) => Object.values(matchLabels)

/** Whom the callers of a service reach, and whom it lets in. */
const door = (rows: Rows, name: string, all: ReadonlyArray<Manifest>) => {
  const callers = callersOf(rows, name)
  const { port, internalPort } = rows[name]!
  if (callers.length === 0 && !isPublic(rows[name]!)) return []
  const service = find<Service>(all, "Service", name)
  const inwards = find<Policy>(all, "NetworkPolicy", name)?.spec.ingress ?? []
  const outwards = find<Policy>(all, "NetworkPolicy", `to-${name}`)?.spec
  const inward = inwards.flatMap(({ from, ports }) =>
    from.flatMap(({ podSelector, namespaceSelector }) =>
      at(namespaceSelector ? othersNamed(podSelector) : meantBy(rows, podSelector), ports)
    )
  )
  const outward = outwards?.egress?.flatMap(({ ports }) =>
    at(meantBy(rows, outwards.podSelector), ports)
  )
  const internally = callers.map((caller) => `${caller} at port ${internalPort}`)
  const publicly = isPublic(rows[name]!) ? [`traefik at port ${port}`] : []
  return [
    ...differences(
      `the Service ${name}`,
      [...(port === null ? [] : [`port ${port}`]), `port ${internalPort}`],
      service?.spec.ports.map(({ port }) => `port ${port}`) ?? [],
    ),
    ...differences(`the NetworkPolicy ${name}`, [...internally, ...publicly], inward),
    ...differences(`the NetworkPolicy to-${name}`, internally, outward ?? []),
  ]
}

const services = (rows: Rows): ReadonlyArray<Held> =>
  [...new Set(namesOf(rows).map((name) => fileOf(rows, name)))].map((file) => {
    const all = manifestsIn(file)
    const here = namesOf(rows).filter((name) => fileOf(rows, name) === file)
    return {
      file,
      wrong: here.flatMap((name) => [...deployment(rows, name, all), ...door(rows, name, all)]),
    }
  })

const kustomization = (rows: Rows): Held => {
  const file = "k3d/base/kustomization.yaml"
  const [{ resources }] = documents(textOf(file)) as [{ resources: ReadonlyArray<string> }]
  const wanted = new Set(namesOf(rows).map((name) => fileOf(rows, name).slice("k3d/base/".length)))
  return {
    file,
    wrong: [...wanted].filter((one) => !resources.includes(one)).map((one) =>
      `resources lacks ${one}`
    ),
  }
}

const postgres = (rows: Rows): Held => {
  const file = "k3d/base/postgres.yaml"
  const workload = find<Workload>(manifestsIn(file), "StatefulSet", "postgres")
  const secrets = workload?.spec.template.spec.volumes.flatMap(({ projected }) =>
    projected?.sources.flatMap(({ secret: { name, items } }) =>
      items.map(({ path }) => `${name} as ${path}`)
    ) ?? []
  )
  const owners = ["superuser", ...namesOf(rows, ({ database }) => database)]
  const wanted = owners.map((name) => `database-${name} as ${name}.password`)
  return { file, wrong: differences("the StatefulSet postgres", wanted, secrets ?? []) }
}

interface Cluster extends Manifest {
  readonly spec: {
    readonly postgresql: { readonly pg_hba: ReadonlyArray<string> }
    readonly managed: {
      readonly roles: ReadonlyArray<{
        readonly name: string
        readonly passwordSecret: { readonly name: string }
      }>
    }
  }
}

const cloudnativepg = (rows: Rows): Held => {
  const file = "k3d/components/cloudnativepg/cluster.yaml"
  const all = manifestsIn(file)
  const owners = namesOf(rows, ({ database }) => database)
  const spec = find<Cluster>(all, "Cluster", "postgres")?.spec
  const databases = all.filter(({ kind }) => kind === "Database").map(({ metadata }) =>
    metadata.name
  )
  const roles = spec?.managed.roles.map(({ name, passwordSecret }) =>
    `${name} by ${passwordSecret.name}`
  )
  return {
    file,
    wrong: [
      ...differences(
        "managed.roles",
        owners.map((name) => `${name} by database-${name}`),
        roles ?? [],
      ),
      ...differences("databases", owners, databases),
      ...(spec?.postgresql.pg_hba ?? []).flatMap((line) =>
        differences("pg_hba", owners, line.split(" ")[2]?.split(",") ?? [])
      ),
    ],
  }
}

interface Ingress extends Manifest {
  readonly spec: {
    readonly rules: ReadonlyArray<{
      readonly http: {
        readonly paths: ReadonlyArray<{
          readonly path: string
          readonly pathType: string
          readonly backend: {
            readonly service: { readonly name: string; readonly port: { readonly name: string } }
          }
        }>
      }
    }>
  }
}

/** The front page says where the documentation is. */
const frontPage = "/ to orders"

const ingress = (rows: Rows): Held => {
  const file = "k3d/base/ingress.yaml"
  const paths = find<Ingress>(manifestsIn(file), "Ingress", "public")?.spec.rules[0]?.http.paths ??
    []
  const wanted = namesOf(rows, isPublic).flatMap((name) =>
    rows[name]!.paths.map((path) => `${path} to ${name}`)
  )
  const found = paths.map(({ path, pathType, backend: { service } }) =>
    `${path}${pathType === "Prefix" && !path.includes(".") ? "/*" : ""} to ${service.name}${
      service.port.name === "public" ? "" : ` at ${service.port.name}`
    }`
  )
  return { file, wrong: differences("paths", [...wanted, frontPage], found) }
}

export const heldOfKubernetes = (rows: Rows): ReadonlyArray<Held> => [
  ...services(rows),
  kustomization(rows),
  postgres(rows),
  cloudnativepg(rows),
  ingress(rows),
]
