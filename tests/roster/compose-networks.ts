/**
 * Who reaches whom in Compose: services that communicate share a network, those that share a
 * network communicate, and no network leads elsewhere. Only the gateway and Grafana are in one with
 * a way out, and have a port on this machine.
 */
import { edgesOf } from "./edges.ts"
import { differences, isPublic, namesOf, type Rows } from "./held.ts"

export interface Connected {
  readonly networks?: ReadonlyArray<string>
  readonly network_mode?: string
  readonly ports?: ReadonlyArray<string>
}

export interface Networked {
  readonly services: Readonly<Record<string, Connected>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>
}

const outside = "outside"

/** Docker's own address pools, without the network that it has from the start. */
const mostNetworks = 30

/**
 * The collector of telemetry: a guest in networks of services, so that each of them reaches it in
 * one.
 */
const collector = "observability"
const isOpen = (name: string) => name === "gateway" || name === collector

/** Upstash's protocol, between the queue and its users. */
const front = "upstash"

type Pair = readonly [one: string, other: string]

const toldOf = ([one, other]: Pair) => `${one} and ${other}`

/** Pairs that communicate; a network has no direction. */
const pairsOf = (rows: Rows): ReadonlyArray<Pair> => [
  ["gateway", collector],
  ...namesOf(rows, isPublic).map((name): Pair => ["gateway", name]),
  ...edgesOf(rows).map(({ from, to }): Pair => [from, to]),
  [front, "redis"],
  ...namesOf(rows, ({ redis }) => redis === "queue").map((name): Pair => [name, front]),
]

/** What is missing, and what is open unnecessarily, a line for each. */
export const wrongNetworks = (rows: Rows, { services, networks }: Networked) => {
  const found = Object.entries(services)
  const networksOf = (name: string) => services[name]?.networks ?? []
  const shareOne = ([one, other]: Pair) =>
    networksOf(one).some((network) => networksOf(other).includes(network))
  const talking = pairsOf(rows)
  const isMeant = (one: string, other: string) =>
    talking.some((pair) => pair.includes(one) && pair.includes(other)) ||
    // A guest in networks of services.
    [one, other].some((name) => name === collector) && [one, other].some((name) => name in rows)
  const used = new Set(found.flatMap(([name]) => networksOf(name)))
  return [
    ...differences("networks", [...used], Object.keys(networks)),
    ...talking.filter((pair) => !shareOne(pair)).map((pair) => `${toldOf(pair)} share no network`),
    ...[...used].flatMap((network) => {
      const members = found.map(([name]) => name)
        .filter((name) => networksOf(name).includes(network))
      return members.flatMap((one, n) =>
        members.slice(n + 1).filter((other) => !isMeant(one, other))
          .map((other) => `the network ${network} has ${toldOf([one, other])}: what for?`)
      )
    }),
    ...Object.entries(networks)
      .filter(([name, network]) => (network?.internal === true) === (name === outside))
      .map(([name]) => `the network ${name} ${name === outside ? "has" : "lacks"} internal: true`),
    ...(Object.keys(networks).length > mostNetworks
      ? [`networks has more than the ${mostNetworks} that Docker has addresses for`]
      : []),
    // Nobody would hear of a service that shares no network with the collector.
    ...namesOf(rows).filter((name) => !shareOne([name, collector]))
      .map((name) => `${toldOf([name, collector])} share no network`),
    ...found.filter(([, { networks = [], network_mode }]) =>
      networks.length === 0 && network_mode !== "none"
    ).map(([name]) => `the service ${name} is in Compose's own network, with a way out`),
    ...found.filter(([name, { ports }]) => (ports !== undefined) !== isOpen(name))
      .map(([name]) => `the service ${name} ${isOpen(name) ? "lacks" : "has"} ports`),
  ]
}
