/**
 * A participant as a process that the kit can kill and start again. Its command asks this process
 * to do so, so that nothing outlives the test.
 */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { freePort } from "#tests/instruments/chaos/ports.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"

const root = join(import.meta.dirname, "../../..")
const onDeno = "Deno" in globalThis

export interface Supervised {
  readonly url: string
  /** The command that kills it with SIGKILL and starts it again. */
  readonly restart: string
  /** How often it was started. */
  readonly starts: () => number
  readonly close: () => Promise<void>
}

/** Runs a program on this runtime, and resolves when it is ready at the port that it is given. */
export const supervise = async (
  program: string,
  environmentAt: (port: number) => Readonly<Record<string, string | undefined>>,
): Promise<Supervised> => {
  const port = await Effect.runPromise(freePort)
  const url = `http://127.0.0.1:${port}`
  let output = ""
  let starts = 0
  const start = () => {
    starts++
    const child = spawn(process.execPath, [...onDeno ? ["run", "-A"] : [], program], {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environmentAt(port) },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const collect = (chunk: Buffer) => void (output += chunk)
    child.stdout.on("data", collect)
    child.stderr.on("data", collect)
    return { child, ended: once(child, "exit") }
  }
  let running = start()
  const end = async () => {
    running.child.kill("SIGKILL")
    await running.ended
  }
  const server = createServer((_, response) =>
    void end().then(() => {
      running = start()
      response.end()
    })
  ).listen(0, "127.0.0.1")
  await once(server, "listening")
  const asked = `await fetch('http://127.0.0.1:${(server.address() as AddressInfo).port}')`
  const flags = onDeno ? "eval" : "--input-type=module -e"
  await until("it is ready", patienceMs, async () => {
    if (running.child.exitCode !== null) throw new Error(`It ended:\n${output}`)
    return (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200
  })
  return {
    url,
    restart: `"${process.execPath}" ${flags} "${asked}"`,
    starts: () => starts,
    close: async () => {
      server.close()
      await end()
    },
  }
}
