/**
 * Items, slots and billing as processes, each on a PostgreSQL database of its own, keep every rule
 * that the kit has.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { importJWK, type JWK, SignJWT } from "jose"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { ServiceName } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { serviceTokenType } from "#shared/security/service-tokens.ts"
import { atLength, everyNth } from "#tests/support/length.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import { environmentOf } from "#tests/support/service-process.ts"
import { checks } from "./checks/all.ts"
import { conform } from "./run.ts"
import { supervise, type Supervised } from "./supervised.ts"

const keysFolder = mkdtempSync(join(tmpdir(), "unwind-conformance-keys-"))
const keys = keyFiles(keysFolder)
beforeAll(() => generateServiceKeys(keysFolder))
afterAll(() => rmSync(keysFolder, { recursive: true }))

/** Opens an account, as auth does. */
const openAccount = async (url: string, username: string) => {
  const key = await importJWK(JSON.parse(await readFile(keys.privateKey("auth"), "utf8")) as JWK)
  const now = Math.floor(Date.now() / 1000)
  const token = await new SignJWT({ iss: "auth", aud: "billing", iat: now, exp: now + 30 })
    .setProtectedHeader({ alg: "EdDSA", kid: "auth", typ: serviceTokenType }).sign(key)
  const { status } = await fetch(`${url}/api/profiles/`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ username, email: `${username}@example.com` }),
  })
  expect(status).toBeLessThan(300)
}

/** A resource of each participant, and how to create it if no start does. */
const resources = {
  items: { name: "1", made: () => Promise.resolve() },
  slots: { name: "09:00", made: () => Promise.resolve() },
  billing: { name: "ada", made: (url: string) => openAccount(url, "ada") },
}

/** They have the same code, so a short run tries one. */
const participants = everyNth(3, Object.keys(resources) as ReadonlyArray<keyof typeof resources>)

const start = async (name: ServiceName): Promise<Supervised> => {
  const database = await createDatabase(name)
  const supervised = await supervise(`services/${name}/main.ts`, (port) => ({
    ...environmentOf(name, {
      ports: { public: 0, internal: port },
      databaseUrl: database.url,
      queueUrl: "memory:",
      queueStream: "orders",
      keysFolder,
      address: (callee) => `http://${callee}.test`,
    }),
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
  }))
  const close = () => supervised.close().finally(database.drop)
  return { ...supervised, close }
}

it.each(participants)(
  "%s passes every check",
  async (name) => {
    const resource = resources[name]
    const service = await start(name)
    try {
      await resource.made(service.url)
      const options = {
        url: service.url,
        resource: resource.name,
        key: { file: keys.privateKey("orchestrator"), name },
        restart: service.restart,
        seed: atLength(1, Date.now() % 1_000_000),
        only: [],
        timeoutMs: 120_000,
      }
      const report = await conform(options, () => {}, new AbortController().signal)
      const broken = report.results.filter(({ came }) => came === "broken")
      expect(broken.map(({ check, saw }) => `${check.name}: ${saw}`)).toEqual([])
      const kept = report.results.filter(({ came }) => came === "kept").map(({ check }) =>
        check.name
      )
      expect(kept).toEqual(checks.map((check) => check.name))
      expect(report).toMatchObject({ stopped: undefined, held: [], after: report.before })
      expect(service.starts()).toBe(5)
    } finally {
      await service.close()
    }
  },
)
