/**
 * Restate's server for one measurement: on free ports of 127.0.0.1, its files in DATA_DIR, durable
 * by default (its log is synced to the disk). It ends with the process that started it, even if
 * that is killed.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createRequire } from "node:module"
import { type AddressInfo, createServer } from "node:net"
import { setTimeout as wait } from "node:timers/promises"
import { given } from "./environment.ts"

const startWithinMs = 60_000

/**
 * Kills the server when standard input ends: on `stop`, or when the process that started it is
 * gone.
 */
const supervised = `exec 3<&0 4>&2 2>/dev/null
"$@" </dev/null 2>&4 3<&- 4>&- & server=$!
{ cat <&3; kill -9 $server; } >/dev/null 4>&- &
wait $server`

export interface RestateServer {
  readonly ingressUrl: string
  /** Registers the service at this address. Resolves when the server has read what it offers. */
  readonly register: (uri: string) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts the server; resolves when it takes requests. */
export const startRestateServer = async (): Promise<RestateServer> => {
  const [ingress, admin, node] = await Promise.all([freePort(), freePort(), freePort()])
  const child = spawn("sh", ["-c", supervised, "sh", binary()], {
    env: {
      PATH: process.env.PATH,
      TMPDIR: given("DATA_DIR"),
      RESTATE_BASE_DIR: given("DATA_DIR"),
      RESTATE_LISTEN_MODE: "tcp",
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      // One partition costs the least CPU a saga on two cores, and the local log the least of the
      // durable ones.
      RESTATE_DEFAULT_NUM_PARTITIONS: "1",
      RESTATE_BIFROST__DEFAULT_PROVIDER: "local",
      RESTATE_DISABLE_TELEMETRY: "true",
      RESTATE_LOG_FILTER: "error,octocrab=off",
    },
    stdio: ["pipe", "inherit", "inherit"],
  })
  const server = {
    ingressUrl: `http://127.0.0.1:${ingress}`,
    register: async (uri: string) => {
      const response = await fetch(`http://127.0.0.1:${admin}/deployments`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ uri }),
      })
      if (!response.ok) throw new Error(`Restate: ${response.status} ${await response.text()}`)
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, "exit")
      child.stdin.end()
      await gone
    },
  }
  try {
    const deadlineMs = Date.now() + startWithinMs
    while (!await healthy(admin, ingress)) {
      if (child.exitCode !== null) throw new Error(`Restate's server ended: ${child.exitCode}`)
      if (Date.now() > deadlineMs) throw new Error("Restate's server does not get ready")
      await wait(50)
    }
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

const healthy = async (admin: number, ingress: number): Promise<boolean> => {
  const urls = [`http://127.0.0.1:${admin}/health`, `http://127.0.0.1:${ingress}/restate/health`]
  const answers = await Promise.all(
    urls.map((url) => fetch(url).then(({ ok }) => ok, () => false)),
  )
  return answers.every(Boolean)
}

/** The executable itself: npm's `restate-server` is a Node program that stays in between. */
const binary = (): string =>
  createRequire(import.meta.url).resolve(
    `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`,
  )

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, "close")
  return port
}
