/** What is Compose's own, held to the roster: the containers and their networks, live reload, and the gateway's paths. */
import { parse } from "effect/encoding/Yaml"
import {
  callersOf,
  differences,
  type Held,
  isPublic,
  namesOf,
  type Rows,
  settingsOf,
  textOf,
  wrongSettings,
} from "./held.ts"

interface Container {
  readonly command?: string
  readonly environment?: Readonly<Record<string, unknown>>
  readonly networks?: ReadonlyArray<string>
  readonly volumes?: ReadonlyArray<string>
}

interface Compose {
  readonly services: Readonly<Record<string, Container>>
  readonly networks: Readonly<Record<string, unknown>>
  readonly volumes: Readonly<Record<string, unknown>>
}

/** Every pair that talks has a network, named after both. */
const networksOf = (rows: Rows, name: string): ReadonlyArray<string> => {
  const { calls, users, database, redis } = rows[name]!
  return [
    ...(isPublic(rows[name]!) ? [`gateway-${name}`] : []),
    // A pair needs one network, whoever asks whom: billing and auth ask each other.
    ...calls.map((callee) => `${name}-${callee}`),
    ...(users && !rows["auth"]!.calls.includes(name) ? [`${name}-auth`] : []),
    ...callersOf(rows, name)
      .filter((caller) => !calls.includes(caller)).map((caller) => `${caller}-${name}`),
    ...(database ? [`${name}-postgres`] : []),
    ...(redis === null ? [] : [`${name}-redis`]),
  ]
}

const compose = (rows: Rows): Held => {
  const file = "compose.yaml"
  const { services, networks, volumes } = parse(textOf(file)) as unknown as Compose
  const ofContainer = (name: string): ReadonlyArray<string> => {
    const container = services[name]
    if (container === undefined) return [`there is no service ${name}`]
    const what = `the service ${name}`
    const command = `services/${name}/main.ts`
    return [
      ...(container.command === command ? [] : [`${what} lacks command: ${command}`]),
      ...wrongSettings(what, settingsOf(rows, name), container.environment ?? {}),
      ...differences(what, networksOf(rows, name), container.networks ?? []),
      ...differences(what, [`${name}-secrets:/run/secrets:ro`], container.volumes ?? []),
    ]
  }
  const ours = ["outside", ...new Set(namesOf(rows).flatMap((name) => networksOf(rows, name)))]
  const doors = namesOf(rows, isPublic).map((name) => `gateway-${name}`)
  const owners = [...namesOf(rows), "postgres", "redis", "upstash"]
  return {
    file,
    wrong: [
      ...namesOf(rows).flatMap(ofContainer),
      ...differences(
        "the service gateway",
        ["outside", ...doors],
        services["gateway"]?.networks ?? [],
      ),
      ...differences("networks", ours, Object.keys(networks)),
      ...differences(
        "volumes",
        ["postgres", "redis", "secrets", ...owners.map((name) => `${name}-secrets`)],
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
  return { file, wrong: differences("services", namesOf(rows), Object.keys(services)) }
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
          // A file may be asked for as if it were a folder.
          .map(([, path = "", service = ""]) => line(path.replace("/?$", "$"), service)),
      ),
      ...differences(
        "upstreams",
        open.map((name) => `${name}:${rows[name]!.port}`),
        [...conf.matchAll(/server (\w+:\d+) resolve/g)].map(([, at = ""]) => at),
      ),
    ],
  }
}

export const heldOfCompose = (rows: Rows): ReadonlyArray<Held> => [
  compose(rows),
  development(rows),
  gateway(rows),
]
