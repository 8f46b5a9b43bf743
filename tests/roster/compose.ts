/**
 * The parts that only Compose has, compared with the roster: the containers and their networks,
 * live reload, and the gateway's paths.
 */
import { parse } from "effect/encoding/Yaml"
import type { Row } from "#shared/roster.ts"
import { type Connected, type Networked, wrongNetworks } from "./compose-networks.ts"
import { wrongHeaders } from "./gateway-headers.ts"
import {
  differences,
  type Held,
  isPublic,
  namesOf,
  type Rows,
  textOf,
  wrongSettings,
} from "./held.ts"

interface Container extends Connected {
  readonly command?: string
  readonly environment?: Readonly<Record<string, unknown>>
  readonly volumes?: ReadonlyArray<string>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly develop?: {
    readonly watch: ReadonlyArray<{ readonly path: string; readonly action: string }>
  }
}

interface Compose extends Networked {
  readonly services: Readonly<Record<string, Container>>
  readonly volumes: Readonly<Record<string, unknown>>
}

/** The containers that must answer before a container starts. */
const awaited = ({ depends_on = {} }: Container): ReadonlyArray<string> =>
  Object.entries(depends_on).filter(([, { condition }]) => condition === "service_healthy")
    .map(([name]) => name)

const awaitedBy = ({ database, redis, calls }: Row): ReadonlyArray<string> => [
  ...(database ? ["postgres"] : []),
  ...(redis === null ? [] : ["redis"]),
  ...calls,
]

const compose = (rows: Rows): Held => {
  const file = "compose.yaml"
  const found = parse(textOf(file)) as unknown as Compose
  const { services, volumes } = found
  const ofContainer = (name: string): ReadonlyArray<string> => {
    const container = services[name]
    if (container === undefined) return [`there is no service ${name}`]
    const what = `the service ${name}`
    const command = `services/${name}/main.ts`
    return [
      ...(container.command === command ? [] : [`${what} lacks command: ${command}`]),
      ...wrongSettings(rows, name, what, container.environment ?? {}),
      // A caller of a service that has not started only logs it.
      ...differences(`${what} depends_on`, awaitedBy(rows[name]!), awaited(container)),
      ...differences(what, [`${name}-secrets:/run/secrets:ro`], container.volumes ?? []),
    ]
  }
  const owners = [...namesOf(rows), "postgres", "redis", "upstash"]
  return {
    file,
    wrong: [
      ...namesOf(rows).flatMap(ofContainer),
      ...wrongNetworks(rows, found),
      // It starts last, and reports that all is ready.
      ...differences(
        "the service gateway depends_on",
        namesOf(rows),
        awaited(services["gateway"] ?? {}),
      ),
      ...differences(
        "volumes",
        ["certificate", "postgres", "redis", "secrets", ...owners.map((name) => `${name}-secrets`)],
        Object.keys(volumes),
      ),
      ...differences(
        "the service setup",
        ["secrets:/secrets/vault", ...owners.map((name) => `${name}-secrets:/secrets/${name}`)],
        services["setup"]?.volumes ?? [],
      ),
    ],
  }
}

const development = (rows: Rows): Held => {
  const file = "compose/development.yaml"
  const { services } = parse(textOf(file)) as unknown as Compose
  return {
    file,
    wrong: [
      ...differences("services", namesOf(rows), Object.keys(services)),
      ...Object.entries(services).flatMap(([name, { develop, volumes = [] }]) => [
        ...differences(
          `the service ${name}`,
          [`restart for ./services/${name}`, "restart for ./shared"],
          develop?.watch.map(({ path, action }) => `${action} for ${path}`) ?? [],
        ),
        ...differences(
          `the service ${name}`,
          ["services", "shared"].map((folder) => `./${folder}:/app/${folder}:ro`),
          volumes,
        ),
      ]),
    ],
  }
}

const gateway = (rows: Rows): Held => {
  const file = "compose/gateway/nginx.conf"
  const conf = textOf(file)
  const open = namesOf(rows, isPublic)
  const pattern = (path: string) => {
    const bare = path.replace(/\/\*$/, "").replaceAll(".", "\\.")
    return `~^${bare}${path.endsWith("/*") ? "(/|$)" : "$"}`
  }
  const line = (path: string, service: string) => `${path} ${service}`
  return {
    file,
    wrong: [
      ...differences(
        "the map of paths",
        open.flatMap((name) => rows[name]!.paths.map((path) => line(pattern(path), name))),
        [...conf.matchAll(/^ {8}(~\S+) +(\w+);$/gm)]
          // A file may be requested as if it were a folder.
          .map(([, path = "", service = ""]) => line(path.replace("/?$", "$"), service)),
      ),
      ...differences(
        "upstreams",
        open.map((name) => `${name}:${rows[name]!.port}`),
        [...conf.matchAll(/server (\w+:\d+) resolve/g)].map(([, at = ""]) => at),
      ),
      ...wrongHeaders(conf),
    ],
  }
}

export const heldOfCompose = (rows: Rows): ReadonlyArray<Held> => [
  compose(rows),
  development(rows),
  gateway(rows),
]
