/**
 * Who reaches whom in Compose: a network for each pair that talks, which only the two are in and which leads nowhere else.
 * Only the gateway and Grafana are in one with a way out, and have a port on this machine.
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

/** Who collects telemetry: a guest in networks of services, so that each of these meets it in one. */
const collector = "observability"
const isOpen = (name: string) => name === "gateway" || name === collector

/** The networks that there should be, and who is in each. */
const membersByNetwork = (
  rows: Rows,
  ofCollector: ReadonlyArray<string>,
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const edges = edgesOf(rows)
  const asksFirst = ({ from, to }: { from: string; to: string }) => {
    // A pair needs one network, whoever asks whom: billing and auth ask each other, so it is named after the caller.
    const back = edges.some((edge) => edge.from === to && edge.to === from)
    return !back || rows[from]!.calls.includes(to)
  }
  return new Map<string, ReadonlyArray<string>>([
    [outside, ["gateway", collector]],
    ...namesOf(rows, isPublic).map((name) => [`gateway-${name}`, ["gateway", name]] as const),
    ...edges.filter(asksFirst).map(({ from, to }) => {
      // Upstash's protocol stands between the queue and those that use it.
      const front = to === "redis" && rows[from]!.redis === "queue" ? ["upstash"] : []
      const network = `${from}-${to}`
      const guest = ofCollector.includes(network) ? [collector] : []
      return [network, [from, to, ...front, ...guest]] as const
    }),
  ])
}

/** What is missing, and what is open that nobody needs, a line for each. */
export const wrongNetworks = (rows: Rows, { services, networks }: Networked) => {
  const ofCollector = services[collector]?.networks ?? []
  const wanted = membersByNetwork(rows, ofCollector)
  const found = Object.entries(services)
  const membersOf = (network: string) =>
    found.filter(([, { networks = [] }]) => networks.includes(network)).map(([name]) => name)
  return [
    ...differences("networks", [...wanted.keys()], Object.keys(networks)),
    ...[...wanted].flatMap(([network, members]) =>
      differences(`the network ${network}`, members, membersOf(network))
    ),
    ...Object.entries(networks)
      .filter(([name, network]) => (network?.internal === true) === (name === outside))
      .map(([name]) => `the network ${name} ${name === outside ? "has" : "lacks"} internal: true`),
    // Nobody would hear of one that is in none of them.
    ...differences(
      "those who meet the collector",
      namesOf(rows),
      namesOf(rows).filter((name) =>
        ofCollector.some((network) => wanted.get(network)?.includes(name))
      ),
    ),
    ...found.filter(([, { networks = [], network_mode }]) =>
      networks.length === 0 && network_mode !== "none"
    ).map(([name]) => `the service ${name} is in Compose's own network, with a way out`),
    ...found.filter(([name, { ports }]) => (ports !== undefined) !== isOpen(name))
      .map(([name]) => `the service ${name} ${isOpen(name) ? "lacks" : "has"} ports`),
  ]
}
