/**
 * The embedded run from a person's view: what it prints when it is up, what it says when something
 * is in the way, and that nothing is left behind or lost.
 */
import { execFile, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { once } from "node:events"
import { networkInterfaces, tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterEach, describe, expect, it } from "vitest"
import { newCustomer, until } from "#tests/support/customer.ts"
import { runEmbedded, startEmbedded } from "#tests/support/embedded-process.ts"
import { patienceMs } from "#tests/support/patience.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const dataFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-main-"))
  cleanups.push(() =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  )
  return join(folder, "data")
}

const start = async (environment: Readonly<Record<string, string>>) => {
  const system = await startEmbedded(environment)
  cleanups.push(() => system.end("SIGTERM"))
  return system
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const postgresPid = (dataDir: string) =>
  Number.parseInt(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8"), 10)

const has = (program: string): boolean =>
  spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0

const wish = { amount: 1, item: 1, slot: "09:00" }

describe("npm start", () => {
  it("prints where everything is, and leaves nothing running after Ctrl-C", async () => {
    const DATA_DIR = dataFolder()
    const system = await start({ DATA_DIR })
    const told = [...system.output().matchAll(/^ {2}[A-Z]\w+ +(http\S+)/gm)].map(([, url]) => url!)
    const internal = ["/readyz", "/metrics"].map((path) => system.internalUrl + path)
    const [address] = told.splice(1, 1)
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/console#sign-in=[\w-]{43}$/)
    expect(told).toEqual([`${system.baseUrl}/docs`, `${system.baseUrl}/console`, ...internal])
    for (const url of told) expect((await fetch(url)).status).toBe(200)
    for (const path of ["/livez", "/readyz", "/metrics", "/openapi.json"]) {
      expect((await fetch(system.baseUrl + path)).status, path).toBe(404)
    }
    const nothing = await fetch(`${system.internalUrl}/openapi.json`)
    expect(nothing.status).toBe(404)
    expect(nothing.headers.get("content-type")).toBe("application/problem+json")
    expect(nothing.headers.get("x-content-type-options")).toBe("nosniff")
    expect(system.output()).toMatch(
      /starting PostgreSQL[^]*starting auth[^]*npm run demo[^]*curl[^]*curl/,
    )
    const postgres = postgresPid(DATA_DIR)
    expect(isAlive(postgres)).toBe(true)
    expect(await system.end("SIGINT")).toBe(0)
    expect(system.output()).toContain("Stopping")
    expect(isAlive(postgres)).toBe(false)
  })

  it.skipIf(process.platform === "win32" || !has("curl"))(
    "does what the README says, command by command (needs curl)",
    async () => {
      const system = await start({ DATA_DIR: dataFolder() })
      const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8")
      const commands = /```sh\n(curl [^]*?)```/.exec(readme)![1]!
        .replaceAll("localhost:8080", new URL(system.baseUrl).host)
      const { stdout } = await promisify(execFile)("/bin/sh", ["-c", commands])
      expect(stdout).toMatch(/"username":"ada"[^]*"status":"completed"/)
    },
  )

  it("does not mention starting Redis if there is none", async () => {
    const bin = dataFolder()
    mkdirSync(bin)
    for (const name of ["sh", "sleep", "chown", "chmod", "readlink", "ps"]) {
      const { stdout } = spawnSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" })
      symlinkSync(stdout.trim(), join(bin, name))
    }
    const system = await start({ DATA_DIR: dataFolder(), PATH: bin })
    expect(system.output()).not.toMatch(/starting Redis/)
    expect(system.output()).toMatch(/Queue +in memory/)
  })

  it("has all its data again after a second start", async () => {
    const DATA_DIR = dataFolder()
    let system = await start({ DATA_DIR })
    const customer = await newCustomer(() => system.baseUrl)
    const id = await customer.tryToPlace(wish, "before the restart")
    await system.end("SIGTERM")
    system = await start({ DATA_DIR })
    expect(await customer.tryToPlace(wish, "before the restart")).toBe(id)
  })

  it("shows health and metrics only to this machine, whatever HOST says", async () => {
    const system = await start({ DATA_DIR: dataFolder(), HOST: "0.0.0.0" })
    const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
      .filter(({ family, internal }) => family === "IPv4" && !internal)
    const { port } = new URL(system.internalUrl)
    for (const { address } of addresses) {
      expect((await fetch(`http://${address}:${new URL(system.baseUrl).port}/docs`)).status).toBe(
        200,
      )
      await expect(fetch(`http://${address}:${port}/metrics`)).rejects.toThrow()
    }
    expect((await fetch(`${system.internalUrl}/metrics`)).status).toBe(200)
  })

  it("names all ports that are in use", async () => {
    const taken = async () => {
      const server = createServer().listen(0, "127.0.0.1")
      await once(server, "listening")
      cleanups.push(() => server.close())
      return (server.address() as { port: number }).port
    }
    const ports = { PORT: `${await taken()}`, INTERNAL_PORT: `${await taken()}` }
    const { code, output } = await runEmbedded({ ...ports, DATA_DIR: dataFolder() })
    expect(code).toBe(1)
    expect(output).toBe(
      Object.entries(ports).map(([name, port]) =>
        `Port ${port} is in use: stop what uses it or set ${name} to another one\n`
      ).join(""),
    )
  })

  it("says that another process uses the data folder, and does not disturb it", async () => {
    const DATA_DIR = dataFolder()
    const system = await start({ DATA_DIR })
    const { code, output } = await runEmbedded({ PORT: "0", DATA_DIR })
    expect(code).toBe(1)
    expect(output).toMatch(
      new RegExp(
        `^The data folder .* is in use: already running as process ${system.pid}; stop it first, .*\n$`,
      ),
    )
    expect((await fetch(`${system.internalUrl}/readyz`)).status).toBe(200)
  })

  it("says that the data folder is not writable", async () => {
    const file = dataFolder()
    writeFileSync(file, "")
    const { code, output } = await runEmbedded({ PORT: "0", DATA_DIR: join(file, "data") })
    expect(code).toBe(1)
    expect(output).toMatch(
      /^The data folder .* cannot be used .*: make it writable, or set DATA_DIR to another folder\n$/,
    )
  })

  it("names all wrong settings before it changes anything", async () => {
    const DATA_DIR = dataFolder()
    const ofServices = { ITEM_STOCK: "-1", ORDER_DEADLINE: "soon", BACKLOG_LIMIT: "many" }
    const wrong = { ...ofServices, PORT: "x", LOG_LEVEL: "loud", QUEUE_URL: "ftp://queue" }
    const { code, output } = await runEmbedded({ DATA_DIR, ...wrong })
    expect(code).toBe(1)
    for (const name of Object.keys(wrong)) expect(output).toContain(`${name} is wrong: set it to`)
    expect(output).not.toContain("starting")
  })

  it("accepts orders while Redis is unreachable, says so, and loses none", async () => {
    const DATA_DIR = dataFolder()
    const system = await start({ DATA_DIR, QUEUE_URL: "redis://127.0.0.1:1" })
    const customer = await newCustomer(() => system.baseUrl)
    const id = await customer.tryToPlace(wish, "without redis")
    expect(id).toBeDefined()
    const ready = await fetch(`${system.internalUrl}/readyz`)
    expect(ready.status).toBe(503)
    expect(JSON.stringify(await ready.json())).toMatch(/"orchestrator":{"queue":"[^"]*Redis/i)
    await system.end("SIGTERM")
    const again = await start({ DATA_DIR, QUEUE_URL: "memory:" })
    const { order } = customer
    await until(
      "the order is final",
      patienceMs,
      async () => (await order(again.baseUrl, id!)).status === "completed",
    )
  })

  it("answers 503 while PostgreSQL is away, and recovers by itself", async () => {
    const DATA_DIR = dataFolder()
    const system = await start({ DATA_DIR, REPUBLISH_AFTER: "2 seconds" })
    const customer = await newCustomer(() => system.baseUrl)
    await customer.tryToPlace(wish, "before")
    process.kill(postgresPid(DATA_DIR), "SIGKILL")
    const answered = (status: number) => async () => {
      const response = await customer.post(system.baseUrl, wish, "after")
      if (response.status === 503) {
        expect(response.headers.get("retry-after")).toBe("1")
        expect(response.headers.get("content-type")).toBe("application/problem+json")
      } else {
        expect(response.status).toBe(201)
      }
      return response.status === status
    }
    await until("orders are refused", patienceMs, answered(503))
    await until("orders are accepted again", patienceMs, answered(201))
    const id = await customer.tryToPlace(wish, "after")
    await until(
      "the order is final",
      patienceMs,
      async () => (await customer.order(system.baseUrl, id!)).status === "completed",
    )
  })
})
