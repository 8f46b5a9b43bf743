/**
 * What each container may do, as kernel and engine see it: no root user, no capabilities, no
 * writable root file system, limits.
 */
import { deepStrictEqual, ok } from "node:assert/strict"
import { serviceNames } from "#shared/roster.ts"
import { type ComposeProject, type Container, run } from "./compose-project.ts"

const twoGiB = 2 * 1024 ** 3

/** The secrets that each container gets, and no others. */
const secrets: Readonly<Record<string, ReadonlyArray<string>>> = {
  gateway: [],
  auth: [
    "database-url",
    "private-key.json",
    "rate-limit-url",
    "services.public.json",
    "signing-keys.secret",
  ],
  billing: ["database-url", "services.public.json"],
  items: ["database-url", "services.public.json"],
  slots: ["database-url", "services.public.json"],
  orders: ["database-url", "queue-token", "queue-url", "services.public.json"],
  orchestrator: ["private-key.json", "queue-token", "queue-url", "services.public.json"],
  console: ["private-key.json"],
  postgres: ["auth", "billing", "items", "orders", "slots", "superuser"].map((n) =>
    `${n}.password`
  ),
  redis: ["password", "password.conf"],
}

interface Inspected {
  readonly HostConfig: {
    readonly Memory: number
    readonly NanoCpus: number
    readonly PidsLimit: number | null
  }
}

/** The programs of a service's container that could install others. */
const installers = async (project: ComposeProject, container: Container): Promise<string> =>
  serviceNames.some((name) => name === container.service)
    ? await project.inside(container, "command -v npm npx corepack yarn pnpm || true")
    : ""

/** Fails unless every running container is contained. Returns a line about what was seen. */
export const checkContainment = async (project: ComposeProject): Promise<string> => {
  const containers = await project.containers()
  const limits = await Promise.all(containers.map((container) => checkOne(project, container)))
  const together = limits.reduce((sum, bytes) => sum + bytes, 0)
  ok(together < twoGiB, `all containers together may use ${together} bytes`)
  return `${containers.length} containers without root or rights, within ${
    together / 2 ** 20
  } MiB together`
}

const checkOne = async (project: ComposeProject, container: Container): Promise<number> => {
  const { service } = container
  const status = await project.inside(container, "cat /proc/1/status")
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\w+)`, "m").exec(status)?.[1]
  ok(field("Uid") !== "0", `${service} runs as root`)
  const rights = ["CapPrm", "CapEff", "CapBnd", "CapAmb"].map((name) => Number(`0x${field(name)}`))
  deepStrictEqual(rights, [0, 0, 0, 0], `${service} has capabilities`)
  deepStrictEqual(field("NoNewPrivs"), "1", `${service} can get new rights`)
  const root = await project.inside(container, "grep ' / ' /proc/mounts")
  ok(/ ro[, ]/.test(root), `${service} can write to its root: ${root}`)
  const mounted = await project.inside(container, "ls /run/secrets 2>/dev/null || true")
  deepStrictEqual(mounted.split("\n").filter(Boolean).sort(), secrets[service], `of ${service}`)
  const [found] = JSON.parse(await run("docker", ["inspect", container.id])) as ReadonlyArray<
    Inspected
  >
  const { Memory, NanoCpus, PidsLimit } = found!.HostConfig
  ok(Memory > 0 && NanoCpus > 0 && Number(PidsLimit) > 0, `${service} has no limit`)
  deepStrictEqual(await installers(project, container), "", `${service} can install packages`)
  return Memory
}
