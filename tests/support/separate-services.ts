/**
 * The services as processes of their own, as containers run them, on either runtime, behind the
 * public paths.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { type ServiceName, serviceNames as names } from "#shared/roster.ts"
import { until } from "./customer.ts"
import { freePorts } from "./free-port.ts"
import { patienceMs } from "./patience.ts"
import { createDatabase } from "./postgres.ts"
import { anyRedis } from "./redis.ts"
import { doorTo, environmentOf, type Ports } from "./service-process.ts"

export type Runtime = "node" | "deno"

const root = join(import.meta.dirname, "../..")

export interface SeparateServices {
  /** The folder of their keys. */
  readonly keysFolder: string
  /** The public paths, as a gateway routes them. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>
  /** Sends the signal to a service and waits for its end; resolves with its exit code. */
  readonly end: (name: ServiceName, signal: NodeJS.Signals) => Promise<number | null>
  /** Resolves with the exit code of a service that ends by itself. */
  readonly ended: (name: ServiceName) => Promise<number | null>
  readonly databaseUrl: (name: ServiceName) => string
  /** Restarts a service that has ended. */
  readonly start: (name: ServiceName) => Promise<void>
  readonly output: (name: ServiceName) => string
  /** Ends the services that still run, and removes what they used. */
  readonly close: () => Promise<void>
}

/** Starts all of them, with more settings, and resolves when each is ready. */
export const startSeparateServices = async (
  runtime: Runtime,
  more: Readonly<Record<string, string>> = {},
): Promise<SeparateServices> => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-separate-"))
  await generateServiceKeys(folder)
  const redis = await anyRedis()
  const databases = new Map(
    await Promise.all(names.map(async (name) => [name, await createDatabase(name)] as const)),
  )
  const ports = new Map<ServiceName, Ports>()
  for (const name of names) {
    ports.set(name, await freePorts())
  }
  const address = (name: ServiceName) => `http://127.0.0.1:${ports.get(name)!.internal}`
  const running = new Map<ServiceName, ChildProcess>()
  const outputs = new Map<ServiceName, string>()

  const start = async (name: ServiceName) => {
    const command = runtime === "deno" ? ["run", "-A"] : []
    const child = spawn(join(root, "node_modules/.bin", runtime), [
      ...command,
      `services/${name}/main.ts`,
    ], {
      cwd: root,
      env: {
        ...environmentOf(name, {
          ports: ports.get(name)!,
          databaseUrl: databases.get(name)?.url,
          queueUrl: redis.url,
          queueStream: folder,
          keysFolder: folder,
          address,
        }),
        ...more,
      },
      stdio: ["ignore", "pipe", "pipe"],
    })
    running.set(name, child)
    const collect = (chunk: Buffer) => void outputs.set(name, (outputs.get(name) ?? "") + chunk)
    child.stdout.on("data", collect)
    child.stderr.on("data", collect)
    await until(`${name} is ready: ${outputs.get(name)}`, patienceMs, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended:\n${outputs.get(name)}`)
      const response = await fetch(`${address(name)}/readyz`).catch(() => undefined)
      return response?.status === 200
    })
  }
  const end = async (name: ServiceName, signal: NodeJS.Signals) => {
    const child = running.get(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null
    const ended = once(child, "exit")
    process.kill(child.pid!, signal)
    const [code] = await ended
    return code as number | null
  }
  await Promise.all(names.map(start))

  const door = doorTo((name) => `http://127.0.0.1:${ports.get(name)!.public}`)
  return {
    keysFolder: folder,
    fetch: (path, init) => Promise.resolve(door.request(path, init)),
    start,
    end,
    ended: async (name) => {
      const child = running.get(name)!
      if (child.exitCode === null) await once(child, "exit")
      return child.exitCode
    },
    databaseUrl: (name) => databases.get(name)!.url,
    output: (name) => outputs.get(name) ?? "",
    close: async () => {
      await Promise.all(names.map((name) => end(name, "SIGKILL")))
      await Promise.all([...databases.values()].map(({ drop }) => drop()))
      await redis.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
