/** The secrets of the containers: made once, given to their owners only, and complete. */
import { spawnSync } from "node:child_process"
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  createLocalJWKSet,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  jwtVerify,
  SignJWT,
} from "jose"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { secretsSyntax } from "#compose/secrets/arguments.ts"
import { makeSecrets } from "#compose/secrets/secret-files.ts"
import { understand } from "#shared/command/understand.ts"

let folder: string
beforeEach(() => folder = mkdtempSync(join(tmpdir(), "unwind-secrets-")))
afterEach(() => rmSync(folder, { recursive: true }))

const files = () =>
  Object.fromEntries(
    globSync("*/*", { cwd: folder }).map((
      path,
    ) => [path, readFileSync(join(folder, path), "utf8")]),
  )
const read = (path: string) => files()[path]!
const readJson = <A>(path: string) => JSON.parse(read(path)) as A

describe("the secrets of Compose", () => {
  it("are kept when they are made again, and restored if a volume was lost", async () => {
    await makeSecrets(folder)
    const first = files()
    rmSync(join(folder, "orders"), { recursive: true })
    await makeSecrets(folder)
    expect(files()).toEqual(first)
  })

  it("give each service a database, a role and a password of its own", async () => {
    await makeSecrets(folder)
    const passwords = ["auth", "billing", "items", "orders", "slots"].map((name) => {
      const url = new URL(read(`${name}/database-url`))
      expect([url.username, url.host, url.pathname]).toEqual([name, "postgres:5432", `/${name}`])
      expect(read(`postgres/${name}.password`)).toBe(url.password)
      return url.password
    })
    const all = new Set([...passwords, read("postgres/superuser.password"), read("redis/password")])
    expect(all.size).toBe(7)
    for (const password of all) expect(password).toMatch(/^[\w-]{43}$/)
  })

  it.each(["orchestrator", "auth"])("let %s prove its identity", async (name) => {
    await makeSecrets(folder)
    const key = await importJWK(readJson<JWK>(`${name}/private-key.json`), "EdDSA")
    const token = await new SignJWT({}).setProtectedHeader({ alg: "EdDSA", kid: name }).sign(key)
    const publicKeys = readJson<JSONWebKeySet>("items/services.public.json")
    await jwtVerify(token, createLocalJWKSet(publicKeys))
    expect(publicKeys.keys.some((jwk) => "d" in jwk)).toBe(false)
  })

  it("lead every user of Redis to it with its password", async () => {
    await makeSecrets(folder)
    const password = read("redis/password")
    expect(read("redis/password.conf")).toBe(`requirepass ${password}\n`)
    for (const file of ["orders/queue-url", "orchestrator/queue-url", "upstash/redis-url"]) {
      expect(read(file)).toBe(`redis://:${password}@redis:6379/0`)
    }
    // A database apart from the queue.
    expect(read("auth/rate-limit-url")).toBe(`redis://:${password}@redis:6379/1`)
  })

  const runSetup = (
    environment: Readonly<Record<string, string>>,
    ...words: ReadonlyArray<string>
  ) =>
    spawnSync(
      process.execPath,
      [
        ...(process.versions["deno"] === undefined ? [] : ["run", "-A"]),
        fileURLToPath(new URL("../../compose/secrets/main.ts", import.meta.url)),
        ...words,
        folder,
      ],
      { env: { ...process.env, ...environment }, encoding: "utf8" },
    )

  it("are not made while a setting is wrong, which is named", () => {
    const { status, stderr } = runSetup({ ITEM_STOCK: "many", ORDER_DEADLINE: "soon" })
    expect(status).toBe(1)
    expect(stderr.split("\n")).toEqual([
      "2 settings are missing or invalid (see .env.example):",
      expect.stringMatching(/^ {2}ITEM_STOCK is wrong: set it to /),
      expect.stringMatching(/^ {2}ORDER_DEADLINE is wrong: set it to /),
      "",
    ])
    expect(files()).toEqual({})
  })

  it("are made by the first container", () => {
    expect(runSetup({})).toMatchObject({ status: 0, stderr: "" })
    expect(Object.keys(files()).length).toBeGreaterThan(25)
  })

  it.each([
    [
      "databases",
      /^(\w+\/database-url|postgres\/\w+\.password|vault\/(?!redis|upstash)\w+\.secret)$/,
    ],
    ["redis", /redis|^(orders|orchestrator)\/queue-url$|^auth\/rate-limit-url$/],
    ["upstash", /upstash\.secret$|^upstash\/token$|\/queue-token$/],
    ["keys", /private|services\.public\.json$/],
  ])("are replaced on request, and no others: %s", async (kind, theirs) => {
    await makeSecrets(folder)
    const before = files()
    expect(runSetup({}, "--renew", kind)).toMatchObject({ status: 0, stderr: "" })
    const after = files()
    expect(Object.keys(after)).toEqual(Object.keys(before))
    const changed = Object.keys(after).filter((path) => after[path] !== before[path])
    expect(changed).toEqual(Object.keys(before).filter((path) => theirs.test(path)))
    expect(changed.length).toBeGreaterThan(2)
  })

  it.each([
    [[], { task: "run", options: { folder: "/secrets", renew: undefined } }],
    [["--renew", "keys", "here"], { task: "run", options: { folder: "here", renew: "keys" } }],
    [["--renew"], { task: "refuse" }],
    [["--renew", "everything"], { task: "refuse" }],
    [["--what"], { task: "refuse" }],
    [["a", "b"], { task: "refuse" }],
  ])("are made with these words: %j", (words, wanted) => {
    expect(understand(secretsSyntax, words)).toMatchObject(wanted)
  })
})
