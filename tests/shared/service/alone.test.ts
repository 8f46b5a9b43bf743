/**
 * A service that runs alone, with no address set: it starts, and reports at once which services it
 * does not find.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { addressName } from "#shared/config/addresses.ts"
import { roster } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { until } from "#tests/support/customer.ts"
import { freePort } from "#tests/support/free-port.ts"
import { patienceMs } from "#tests/support/patience.ts"

const root = join(import.meta.dirname, "../../..")

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** The console's process, with the given addresses of services. */
const startConsole = async (runtime: string, addresses: Readonly<Record<string, string>>) => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-alone-"))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  await generateServiceKeys(folder)
  const INTERNAL_PORT = `${await freePort()}`
  const words = [...(runtime === "deno" ? ["run", "-A"] : []), "services/console/main.ts"]
  const child = spawn(join(root, "node_modules/.bin", runtime), words, {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: "0",
      INTERNAL_PORT,
      SERVICE_PRIVATE_KEY: keyFiles(folder).privateKey("console"),
      DRAIN: "0 seconds",
      ...addresses,
    },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const ended = once(child, "exit")
  cleanups.push(async () => {
    child.kill("SIGKILL")
    await ended
  })
  let log = ""
  for (const output of [child.stdout, child.stderr]) {
    output.on("data", (chunk) => void (log += chunk))
  }
  const addressesTold = async () => {
    const answer = await fetch(`http://127.0.0.1:${INTERNAL_PORT}/readyz`).catch(() => undefined)
    if (answer === undefined) return ""
    const { checks } = await answer.json() as { checks: { addresses?: string } }
    return checks.addresses ?? ""
  }
  return { addressesTold, log: () => log }
}

describe("a service that runs alone", () => {
  it.each(["node", "deno"])(
    "names in its log and in /readyz the services that it does not find, by their settings, on %s",
    async (runtime) => {
      // Names that resolve on no network: those of containers may exist.
      const nowhere = (name: keyof typeof roster) => `http://${name}.invalid:9080`
      const { calls } = roster.console
      const { addressesTold, log } = await startConsole(runtime, {
        ...Object.fromEntries(calls.map((name) => [addressName(name), nowhere(name)])),
        JWKS_URL: `${nowhere("auth")}/internal/jwks.json`,
      })
      const wanted = [
        ...calls.map((name) => [name, addressName(name)] as const),
        ["auth", "JWKS_URL"] as const,
      ].map(([name, setting]) =>
        `${name} is not found at ${
          nowhere(name)
        }: see that it runs, or set ${setting} to where it is`
      )
      await until("all are named", patienceMs, async () => {
        const told = await addressesTold()
        return wanted.every((text) => told.includes(text))
      })
      for (const text of wanted) expect(log()).toContain(text)
    },
  )
})
