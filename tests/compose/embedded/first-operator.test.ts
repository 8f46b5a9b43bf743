/**
 * The address that `npm start` prints for its first operator: what it allows, once, and for whom it
 * does not work.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { startEmbedded } from "#tests/support/embedded-process.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const start = async (environment: Readonly<Record<string, string>>) => {
  const system = await startEmbedded(environment)
  cleanups.push(() => system.end("SIGTERM"))
  return system
}

describe("the address that npm start prints", () => {
  it("signs the first operator in, once for each address, only from this machine", async () => {
    const folder = mkdtempSync(join(tmpdir(), "unwind-first-operator-"))
    cleanups.push(() =>
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    )
    const DATA_DIR = join(folder, "data")
    const printed = (system: { output: () => string }) =>
      /#sign-in=([\w-]+)/.exec(system.output())![1]!
    const exchange = async (baseUrl: string, token: string, more: Record<string, string> = {}) => {
      const answer = await fetch(`${baseUrl}/api/token/first-operator/`, {
        method: "POST",
        headers: { "content-type": "application/json", ...more },
        body: JSON.stringify({ token }),
      })
      const body = await answer.json() as { code?: string; access?: string }
      return { status: answer.status, ...body }
    }
    const me = async (baseUrl: string, access = "") => {
      const headers = { authorization: `Bearer ${access}` }
      const answer = await fetch(`${baseUrl}/api/console/me`, { headers })
      return [answer.status, (await answer.json() as { username?: string }).username]
    }
    const first = await start({ DATA_DIR })
    const token = printed(first)
    const proxied = await exchange(first.baseUrl, token, { "x-forwarded-for": "203.0.113.9" })
    expect(proxied).toMatchObject({ status: 403, code: "this_machine_only" })
    expect(await exchange(first.baseUrl, `${token.slice(0, -1)}_`)).toMatchObject({ status: 401 })
    // Of two attempts at the same time, one succeeds.
    const both = await Promise.all([1, 2].map(() => exchange(first.baseUrl, token)))
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 401])
    const { access } = both.find(({ status }) => status === 200)!
    expect(await me(first.baseUrl, access)).toEqual([200, "operator"])
    expect(await exchange(first.baseUrl, token)).toMatchObject({ code: "sign_in_address_used" })
    await first.end("SIGTERM")
    const second = await start({ DATA_DIR })
    expect(await exchange(second.baseUrl, token)).toMatchObject({ status: 401 })
    const again = await exchange(second.baseUrl, printed(second))
    expect(await me(second.baseUrl, again.access)).toEqual([200, "operator"])
  })
})
