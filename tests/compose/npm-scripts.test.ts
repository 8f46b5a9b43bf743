/**
 * The scripts of package.json, started by npm as a person or a supervisor starts them: a signal to
 * npm ends everything that was started, and scripts that cannot run say so in one sentence.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"

const root = join(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "unwind-npm-"))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>
}

/** A process and all its descendants that exist now. */
const familyOf = (ancestor: number): ReadonlyArray<number> => {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" })
  const all = stdout.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number))
  const childrenOf = (parent: number): ReadonlyArray<number> =>
    all.flatMap(([pid, ppid]) => ppid === parent ? [pid!, ...childrenOf(pid!)] : [])
  return [ancestor, ...childrenOf(ancestor)]
}

/**
 * The processes that still exist; one that has ended and waits for its parent to notice is gone.
 */
const living = (pids: ReadonlyArray<number>): ReadonlyArray<string> =>
  spawnSync("ps", ["-o", "pid=,stat=,args=", "-p", pids.join(",")], { encoding: "utf8" })
    .stdout.trim().split("\n").filter((line) => /^\s*\d+ +[^Z]/.test(line))

const npmStart = async (name: string) => {
  const npm = spawn("npm", ["start"], {
    cwd: root,
    env: { ...process.env, PORT: "0", INTERNAL_PORT: "0", DATA_DIR: join(folder, name) },
    stdio: ["ignore", "pipe", "inherit"],
  })
  let output = ""
  npm.stdout.on("data", (chunk) => output += chunk)
  const ended = once(npm, "close")
  await until("npm start is up", patienceMs, () => {
    if (npm.exitCode !== null) throw new Error(`npm start ended:\n${output}`)
    return Promise.resolve(output.includes("Ctrl-C stops it"))
  })
  const family = familyOf(npm.pid!)
  return { npm, ended, family, baseUrl: /(http:\S+)\/docs/.exec(output)![1]! }
}

describe.skipIf(process.platform === "win32")("npm start", () => {
  it.each([
    ["npm", (family: ReadonlyArray<number>) => family[0]!],
    ["what npm has started", (family: ReadonlyArray<number>) => family[1]!],
  ])("leaves no process and no port when SIGTERM goes to %s", async (name, told) => {
    const { ended, family, baseUrl } = await npmStart(name)
    const commands = living(family).join("\n")
    expect(commands).toMatch(/compose\/embedded\/main\.ts/)
    expect(commands).toMatch(/bin\/postgres -D/)
    expect((await fetch(`${baseUrl}/docs`)).status).toBe(200)
    process.kill(told(family), "SIGTERM")
    const allGone = () => Promise.resolve(living(family).length === 0)
    try {
      await until("all processes have ended", 60_000, allGone)
    } catch {
      const left = living(family)
      for (const line of left) process.kill(Number.parseInt(line), "SIGKILL")
      expect(left).toEqual([])
    }
    await ended
    await expect(fetch(`${baseUrl}/docs`)).rejects.toThrow()
  })

  it("has a help with every setting of its own and its default", () => {
    const { stdout, status } = spawnSync("npm", ["start", "--", "--help"], {
      cwd: root,
      encoding: "utf8",
    })
    expect(stdout).toMatch(/Usage: npm start/)
    for (
      const line of [
        / PORT .*\(8080\)/,
        /INTERNAL_PORT .*\(9080\)/,
        /DATA_DIR .*\(\.data\)/,
        /QUEUE_URL /,
      ]
    ) {
      expect(stdout).toMatch(line)
    }
    expect(status).toBe(0)
  })

  it("refuses unknown options in one line that names the help, and starts nothing", () => {
    const { stdout, stderr, status } = spawnSync("npm", ["start", "--silent", "--", "8081"], {
      cwd: root,
      encoding: "utf8",
    })
    expect(stderr).toBe(
      'npm start takes settings and no options, such as "8081": see npm start -- --help\n',
    )
    expect([stdout, status]).toEqual(["", 2])
  })
})

describe("the scripts of package.json", () => {
  it("replace npm's shell, which forwards no signal, and first check whether they can run", () => {
    const programs = Object.entries(scripts)
      .filter(([name, script]) => name !== "check" && script.includes(".ts"))
    expect(programs.length).toBeGreaterThan(10)
    for (const [name, script] of programs) {
      expect(`${name}: ${script}`).toMatch(
        /^\S+: exec node --import \.\/compose\/needs\.js \S+\.ts(?: [a-z]+)?$/,
      )
    }
    expect(scripts["test"]).toMatch(/^exec /)
  })

  const start = (cwd: string, ...flags: ReadonlyArray<string>) =>
    spawnSync(
      join(root, "node_modules/.bin/node"),
      [...flags, "--import", "./compose/needs.js", "compose/embedded/main.ts"],
      { cwd, encoding: "utf8" },
    )

  it("say in one sentence that an older Node cannot run them", () => {
    const older = `Object.defineProperty(process.versions, "node", { value: "20.20.2" })`
    const { stdout, stderr, status } = start(root, "--import", `data:text/javascript,${older}`)
    expect(stderr).toMatch(
      /^Unwind runs on Node 24 or newer, but this is 20\.20\.2: run `npm ci`, .*\n$/,
    )
    expect([stdout, status]).toEqual(["", 1])
  })

  it("say in one sentence which packages are not installed", () => {
    const checkout = join(folder, "checkout")
    mkdirSync(join(checkout, "compose"), { recursive: true })
    for (const file of ["package.json", "compose/needs.js"]) {
      cpSync(join(root, file), join(checkout, file))
    }
    const { stdout, stderr, status } = start(checkout)
    expect(stderr).toMatch(/^Packages are not installed \(.*effect, .*hono, .*\): run `npm ci`\n$/)
    expect([stdout, status]).toEqual(["", 1])
  })
})
