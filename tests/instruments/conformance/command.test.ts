/**
 * `npm run conformance` as a person, a script or a CI system uses it: lines, exit codes, JSON,
 * JUnit, and Ctrl-C.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { understand } from "#shared/command/understand.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { freePort } from "#tests/instruments/chaos/ports.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { conformanceSyntax } from "./arguments.ts"
import { checks } from "./checks/all.ts"
import { type Planted, startPlanted } from "./planted/running.ts"

const root = join(import.meta.dirname, "../../..")
const folder = mkdtempSync(join(tmpdir(), "unwind-conformance-"))
const keys = keyFiles(folder)
beforeAll(() => generateServiceKeys(folder))
afterAll(() => rmSync(folder, { recursive: true }))

const notAFolder = join(folder, "file")
writeFileSync(notAFolder, "")
const readOnly = join(folder, "read-only")
writeFileSync(readOnly, "", { mode: 0o444 })

const runtime = [process.execPath, ..."Deno" in globalThis ? ["run", "-A"] : []] as const

const begin = (words: ReadonlyArray<string>) => {
  const [program, ...flags] = runtime
  const child = spawn(program, [...flags, "tests/instruments/conformance/main.ts", ...words], {
    cwd: root,
  })
  const output = { out: "", err: "" }
  child.stdout.on("data", (chunk) => output.out += chunk)
  child.stderr.on("data", (chunk) => output.err += chunk)
  const ended = once(child, "close").then(([code]) => ({ ...output, code: code as number | null }))
  return { child, output, ended }
}

const run = (words: ReadonlyArray<string>) => begin(words).ended

const on = ({ url }: Planted, ...more: ReadonlyArray<string>) => [
  "--url",
  url,
  "--resource",
  "thing",
  ...more,
]
const only = (...names: ReadonlyArray<string>) => names.flatMap((name) => ["--only", name])

const planted = async (
  settings: Parameters<typeof startPlanted>[0],
  use: (planted: Planted) => Promise<void>,
  keysFolder?: string,
) => {
  const one = await startPlanted(settings, keysFolder === undefined ? {} : { keysFolder })
  await use(one).finally(one.close)
}

describe("npm run conformance", () => {
  it("prints a line for each check and exits with 0 when all are kept", () =>
    planted({}, async (one) => {
      const { out, err, code } = await run(on(one, ...only("livez", "no-token", "reserved-cancel")))
      const lines = out.split("\n")
      expect(lines[0]).toMatch(/^ok {4}livez +200 \(\d+\.\d s\)$/)
      expect(lines[1]).toMatch(/^ok {4}reserved-cancel +"cancelled", and all 10 were there again/)
      expect(lines[2]).toMatch(/^- {5}no-token +not tried: without --key no token is sent$/)
      expect(out).toMatch(/\n2 kept, 0 broken, 1 not tried \(--seed \d+\)\n/)
      expect(out).toContain("\nAvailable of thing: 10 before, 10 after\n")
      expect(out).toContain("\nAll that was reserved was cancelled\n")
      expect([err, code]).toEqual(["", 0])
    }))

  it("prints what it tried, what it saw, and where the protocol says it, and exits with 1", () =>
    planted({ bug: "takes-twice" }, async (one) => {
      const junit = join(folder, "report.xml")
      const words = on(one, "--json", "--junit", junit, ...only("reserved-reserve", "livez"))
      const { out, err, code } = await run(words)
      expect(err).toContain("FAIL  reserved-reserve        does not hold")
      expect(err).toContain("      tried     the same reserve, 3 times\n")
      const saw = "After the same reserve of 3 came 3 times, 1 of thing were left instead of 7"
      expect(err).toContain(`      saw       ${saw}\n`)
      expect(err).toContain("                docs/protocol.md#the-table\n")
      expect(err).toContain("\nBroken: reserved-reserve\n")
      expect(JSON.parse(out)).toMatchObject({
        url: one.url,
        exitCode: 1,
        kept: 1,
        broken: 1,
        available: { before: 10, after: 4 },
        notGivenBack: [],
        checks: [
          { name: "livez", result: "kept" },
          { name: "reserved-reserve", result: "broken", saw, link: "docs/protocol.md#the-table" },
        ],
      })
      expect(readFileSync(junit, "utf8")).toContain('<failure message="After the same reserve')
      expect(code).toBe(1)
    }))

  const refusals = [
    [{}, ["--resource", "nothing"], /^Nothing is available of nothing at \S+: name a --resource/],
    [{ stock: 0 }, [], /^Nothing is available of thing at/],
    [
      {},
      ["--url", "http://127.0.0.1:1"],
      /^There is no participant at .*ECONNREFUSED\)\. Start it/,
    ],
    [
      {},
      ["--key", join(folder, "none.json"), "--name", "planted"],
      /^--key: .*cannot be read \(ENO/,
    ],
    [{}, ["--key", keys.publicKeys, "--name", "planted"], /^--key: .* holds no private key/],
    [{}, ["--junit", "/nowhere/report.xml"], /^--junit: \/nowhere\/report.xml cannot be written/],
    [{}, ["--junit", folder], /^--junit: \S+ cannot be written \(it is a folder\): name another/],
    [{}, ["--junit", join(notAFolder, "report.xml")], /^--junit: \S+ cannot be written \(ENOTDIR/],
    // root may write to every file.
    ...process.getuid?.() === 0
      ? []
      : [[{}, ["--junit", readOnly], /^--junit: \S+ cannot be written \(EACCES/] as const],
  ] as const

  it.each(refusals)(
    "says in one line, with exit code 2, why a participant with %j cannot be tried with %j",
    (settings, more, words) =>
      planted(settings, async (one) => {
        const { out, err, code } = await run(on(one, ...only("livez"), ...more))
        expect(err).toMatch(words)
        expect(err.trim().split("\n")).toHaveLength(1)
        expect(err).not.toMatch(/\n {4}at /)
        expect(out).toBe("")
        expect(code).toBe(2)
      }),
  )

  it("asks for a key where one is required, and names one that is not accepted", () =>
    planted({}, async (one) => {
      const none = await run(on(one))
      expect([none.err, none.code]).toEqual([
        `${one.url} requires a token (401: Error: no valid token): give --key and --name\n`,
        2,
      ])
      const key = ["--key", keys.privateKey("console"), "--name", "planted"]
      const { err, code } = await run(on(one, ...key))
      expect(err).toMatch(
        /does not accept this key \(401.*\): --key must be the private key of a caller/,
      )
      expect(code).toBe(2)
    }, folder))

  it.skipIf(process.platform === "win32").each([["SIGINT", 130], ["SIGTERM", 143]] as const)(
    "gives back what it holds after %s, reports what was tried, and exits with %i",
    (signal, exitCode) =>
      planted({ stock: 1_000_000 }, async (one) => {
        const junit = join(folder, `${signal}.xml`)
        const { child, ended } = begin(on(one, "--json", "--junit", junit))
        await once(child.stderr, "data")
        // On Deno, a child that was ended by its own kill has no exit code.
        process.kill(child.pid!, signal)
        if (signal === "SIGINT") {
          // npm sends a Ctrl-C again that the terminal has sent.
          await pause(5)
          process.kill(child.pid!, signal)
        }
        const { out, err, code } = await ended
        expect(err).toContain("Not all was tried: it was ended")
        expect(err).toContain("All that was reserved was cancelled")
        expect(code).toBe(exitCode)
        const report = JSON.parse(out) as {
          readonly kept: number
          readonly checks: ReadonlyArray<unknown>
        }
        expect(report).toMatchObject({ exitCode: null, broken: 0, stopped: "it was ended" })
        expect(report.kept).toBeGreaterThan(0)
        expect(report.checks).toHaveLength(checks.length)
        const xml = readFileSync(junit, "utf8")
        expect(xml).toContain(`tests="${checks.length}" failures="0"`)
        expect(xml).toContain('<skipped message="it was ended"/>')
        const { before } = await one.conform({ only: ["livez"] })
        expect(before).toBe(1_000_000)
      }),
  )

  it.skipIf(process.platform === "win32")("restarts by a command of the shell", async () => {
    const port = await Effect.runPromise(freePort)
    const [pid, settings] = [join(folder, "pid"), { file: join(folder, "journal"), stock: 10 }]
    const script = join(folder, "restart.sh")
    const program = [...runtime, "tests/instruments/conformance/planted/main.ts"].join(" ")
    writeFileSync(
      script,
      `[ ! -e ${pid} ] || kill -9 $(cat ${pid})
       PORT=${port} SETTINGS='${JSON.stringify(settings)}' ${program} & echo $! > ${pid}\n`,
    )
    try {
      await once(spawn("sh", [script], { cwd: root }), "exit")
      await until(
        "it is there",
        patienceMs,
        () => fetch(`http://127.0.0.1:${port}/readyz`).then(() => true, () => false),
      )
      const words = ["--url", `http://127.0.0.1:${port}`, "--resource", "thing"]
      const { out, code } = await run([
        ...words,
        "--restart",
        `sh ${script}`,
        ...only("killed", "restarted"),
      ])
      expect(out).toMatch(/^ok {4}killed +killed 3 times, \d+ answers were lost/)
      expect(code).toBe(0)
      const failing = await run([
        ...words,
        "--restart",
        "echo no such unit; exit 3",
        ...only("killed", "restarted"),
      ])
      expect(failing.out).toContain("The command of --restart failed (exit code 3: no such unit)")
      expect(failing.out).toContain("Not all was tried: The command of --restart failed")
      expect(failing.code).toBe(2)
    } finally {
      if (existsSync(pid)) process.kill(Number(readFileSync(pid, "utf8")), "SIGKILL")
    }
  })
})

describe("the command line of the kit", () => {
  const needed = ["--url", "http://localhost:9089/", "--resource", "north"]
  const asked = (words: ReadonlyArray<string>) => understand(conformanceSyntax, words)

  it("needs an address and a resource, and no more", () => {
    expect(asked([...needed, "--seed", "7"])).toEqual({
      task: "run",
      options: {
        url: "http://localhost:9089",
        resource: "north",
        key: undefined,
        restart: undefined,
        seed: 7,
        only: [],
        timeoutMs: 30_000,
        json: false,
        junit: undefined,
      },
    })
  })

  it.each([
    [[], "It needs --url and --resource"],
    [
      ["--url", "localhost", "--resource", "north"],
      "--url needs a URL such as http://localhost:9084",
    ],
    [[...needed, "--key", "k.json"], "--key and --name belong together"],
    [[...needed, "--name", "courier"], "--key and --name belong together"],
    [[...needed, "--restart", ""], "An option has no value"],
    [[...needed, "--seed", "x"], "--seed needs a whole number from 0 to 2147483647, such as 42"],
    [
      [...needed, "--only", "nothing"],
      `There is no check "nothing", but ${checks.map(({ name }) => name).join(", ")}`,
    ],
  ])("%j is refused: %s", (words, why) => {
    expect(asked(words)).toEqual({
      task: "refuse",
      message: `${why}: see npm run conformance -- --help`,
    })
  })
})
