/** A service as a process: what it does when it is told to stop, by SIGTERM and by Ctrl-C. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { until } from "#tests/support/customer.ts"
import { freePorts } from "#tests/support/free-port.ts"
import type { Ports } from "#tests/support/service-process.ts"

const root = join(import.meta.dirname, "../../..")
const cleanups: Array<() => void> = []
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()))

/** Starts a service that needs no database, with a drain of this length. */
const started = async (runtime: "node" | "deno", drain: string) => {
  const ports = await freePorts()
  const words = runtime === "deno" ? ["run", "-A"] : []
  const child = spawn(
    join(root, "node_modules/.bin", runtime),
    [...words, "tests/proxies/replica.ts"],
    {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        PORT: `${ports.public}`,
        INTERNAL_PORT: `${ports.internal}`,
        DRAIN: drain,
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  )
  cleanups.push(() => child.kill("SIGKILL"))
  const ended = once(child, "exit")
  const ask = (path: string, door: keyof Ports = "internal") =>
    fetch(`http://127.0.0.1:${ports[door]}${path}`).then(
      async (response) => `${response.status} ${await response.text()}`,
      () => "refused",
    )
  await until("it is ready", 60_000, async () => (await ask("/readyz")).startsWith("200"))
  return {
    ask,
    tell: (signal: NodeJS.Signals) => process.kill(child.pid!, signal),
    ended: async () => (await ended)[0] as number | null,
  }
}

describe.each(["node", "deno"] as const)("a service on %s", (runtime) => {
  it("goes on serving after SIGTERM, unready, for its drain; then it ends", async () => {
    const { ask, tell, ended } = await started(runtime, "2 seconds")
    const toldAtMs = performance.now()
    tell("SIGTERM")
    await until("it is not ready", 60_000, async () => (await ask("/readyz")).startsWith("503"))
    expect(await ask("/readyz")).toBe('503 {"status":"stopping","service":"orders"}')
    expect(await ask("/api/orders/1", "public")).toMatch(/^200 /)
    expect(await ended()).toBe(0)
    expect(performance.now() - toldAtMs).toBeGreaterThan(1_990)
    expect(await ask("/livez")).toBe("refused")
    expect(await ask("/api/orders/1", "public")).toBe("refused")
  })

  it("closes at once after Ctrl-C, and when it is told a second time", async () => {
    const interrupted = await started(runtime, "10 minutes")
    interrupted.tell("SIGINT")
    expect(await interrupted.ended()).toBe(0)
    const twice = await started(runtime, "10 minutes")
    twice.tell("SIGTERM")
    await until("it heard", 60_000, async () => (await twice.ask("/readyz")).startsWith("503"))
    twice.tell("SIGTERM")
    expect(await twice.ended()).toBe(130)
  })
})
