/**
 * Who reaches whom, tried from inside every container, by name and by every address: a service
 * reaches exactly those that it calls. A network has no direction, so the called one could call
 * back. Only the gateway is in a network with a way out, and has a port on this machine, on
 * 127.0.0.1 only.
 */
import { deepStrictEqual } from "node:assert/strict"
import { publicServices, roster, serviceNames } from "#shared/roster.ts"
import { edgesOf, portOf } from "../roster/edges.ts"
import { type ComposeProject, type Container, run } from "./compose-project.ts"

const services: ReadonlyArray<string> = serviceNames
const ports: Readonly<Record<string, number>> = {
  gateway: 8080,
  ...Object.fromEntries(
    [...services, "postgres", "redis"].map((name) => [name, portOf(roster, name)]),
  ),
}

/** Who calls whom; everything that the system needs. */
const isEdge = (from: string, to: string): boolean =>
  from === "gateway"
    ? publicServices.some((name) => name === to)
    : edgesOf(roster).some((edge) => edge.from === from && edge.to === to)

interface Inspected {
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>
    readonly Ports: Readonly<Record<string, ReadonlyArray<{ readonly HostIp: string }> | null>>
  }
}

const inspect = async ({ id }: Container) => {
  const [found] = JSON.parse(await run("docker", ["inspect", id])) as ReadonlyArray<Inspected>
  return found!.NetworkSettings
}

/** Fails unless exactly the edges are open. Returns a line about what was tried. */
export const checkNetwork = async (project: ComposeProject): Promise<string> => {
  const containers = await project.containers()
  deepStrictEqual(containers.map(({ service }) => service).sort(), Object.keys(ports).sort())
  const settings = new Map(
    await Promise.all(containers.map(async (c) => [c.service, await inspect(c)] as const)),
  )
  const addressesOf = (service: string) => [
    service,
    ...Object.values(settings.get(service)!.Networks).map(({ IPAddress }) => IPAddress),
  ]
  let tried = 0
  await Promise.all(containers.map(async (from) => {
    const others = Object.keys(ports).filter((service) => service !== from.service)
    const targets = others.flatMap((to) => addressesOf(to).map((at) => `${to} ${at} ${ports[to]}`))
    tried += targets.length
    const reached = (await project.inside(from, tryAll(targets))).split("\n").filter(Boolean)
    const connected = (to: string) => isEdge(from.service, to) || isEdge(to, from.service)
    const byName = reached.filter((line) => line.split(" ")[0] === line.split(" ")[1])
    deepStrictEqual(
      byName.map((line) => line.split(" ")[0]).sort(),
      others.filter(connected).sort(),
      `by name from ${from.service}`,
    )
    deepStrictEqual(
      [...new Set(reached.map((line) => line.split(" ")[0]))].sort(),
      others.filter(connected).sort(),
      `by any address from ${from.service}`,
    )
    const internal = await run("docker", [
      ...["network", "inspect", "--format", "{{.Internal}}"],
      ...Object.keys(settings.get(from.service)!.Networks),
    ])
    deepStrictEqual(
      internal.includes("false"),
      from.service === "gateway",
      `out of ${from.service}`,
    )
  }))
  const published = [...settings].flatMap(([service, { Ports }]) =>
    Object.values(Ports).flatMap((bindings) =>
      (bindings ?? []).map(({ HostIp }) => [service, HostIp])
    )
  )
  deepStrictEqual(published, [["gateway", "127.0.0.1"]])
  return `${tried} addresses tried from ${containers.length} containers, only the edges are open`
}

/**
 * Tries to connect to each "name address port", a few at a time, and prints those that answered.
 */
const tryAll = (targets: ReadonlyArray<string>) => `
while read -r name address port; do
  # These processes count against the container's memory.
  (( $(jobs -r | wc -l) < 8 )) || wait -n
  { timeout 2 bash -c "exec 3<>/dev/tcp/$address/$port" 2>/dev/null && echo "$name $address"; } &
done <<'TARGETS'
${targets.join("\n")}
TARGETS
wait`
