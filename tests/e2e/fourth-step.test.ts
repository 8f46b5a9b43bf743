/**
 * The saga grows by a step, for real: how many files that takes, and that a system with orders in flight and old orders on
 * record goes on as if nothing had been.
 */
import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import createClient from "postgres"
import { afterEach, describe, expect, it } from "vitest"
import type { Edit } from "#compose/new-participant/edits.ts"
import { plan } from "#compose/new-participant/plan.ts"
import { auditFrom } from "#tests/services/console/cli/audit/audit-process.ts"
import { inParallel, newCustomer, until } from "#tests/support/customer.ts"
import { postgresOf, startEmbedded } from "#tests/support/embedded-process.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { copySources, courier, edits, editSources } from "./fourth-step.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const removed = (folder: string): string => {
  cleanups.push(() =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  )
  return folder
}

const before = 100
const inFlight = 200
const wish = (n: number) => ({ amount: 0.01, item: 1 + n % 10, slot: `0${n % 10}:00` })

describe("a fourth step", () => {
  it("is made by editing twelve files of the product, most of them by a command", () => {
    const filesOf = (edits: ReadonlyArray<Edit>) => new Set(edits.map(({ file }) => file)).size
    expect([filesOf(plan(courier)), filesOf(edits)]).toEqual([10, 12])
  })

  it(
    "that comes while orders are in flight leaves none of them pending, and the audit green",
    async () => {
      const DATA_DIR = removed(mkdtempSync(join(tmpdir(), "unwind-data-")))
      const settings = { DATA_DIR, QUEUE_URL: "memory:", REPUBLISH_AFTER: "2 seconds" }
      const three = await startEmbedded(settings)
      cleanups.push(() => three.end("SIGKILL"))
      const customer = await newCustomer(() => three.baseUrl)
      const place = (
        count: number,
        from: { readonly baseUrl: string },
        ids: Array<string>,
        more: { readonly district?: string } = {},
      ) =>
        inParallel(count, 20, async (n) => {
          const answer = await customer.post(from.baseUrl, { ...wish(n), ...more }, randomUUID())
          expect(answer.status).toBe(201)
          ids.push((await answer.json() as { id: string }).id)
        })
      const old: Array<string> = []
      await place(before, three, old)
      const orders = (url: string) =>
        createClient(url.replace(/\/postgres$/, "/orders"), { max: 1 })
      const sql = orders(postgresOf(DATA_DIR))
      const undecided = async () => (await sql`select from orders where decided_at is null`).length
      await until("the first orders are final", patienceMs, async () => await undecided() === 0)

      // While slots cannot answer, whatever is accepted is in the middle of its saga.
      const slots = createClient(postgresOf(DATA_DIR).replace(/\/postgres$/, "/slots"), { max: 1 })
      const stopped = new Promise<void>((resolve) => {
        slots.begin(async (transaction) => {
          await transaction`lock table slots in access exclusive mode`
          resolve()
          await new Promise((release) => cleanups.push(() => release(undefined)))
        }).catch(() => {})
      })
      await stopped
      await place(inFlight, three, old)
      expect(await undecided()).toBe(inFlight)
      await three.end("SIGKILL")
      await Promise.allSettled([sql.end({ timeout: 0 }), slots.end({ timeout: 0 })])

      const folder = removed(copySources())
      editSources(folder, edits)
      const four = await startEmbedded(settings, folder)
      cleanups.push(() => four.end("SIGTERM"))
      const now: Array<string> = []
      await place(5, four, now)
      await place(5, four, now, { district: "2" })
      const stepsOf = async (id: string) => {
        const { status, timeline } = await customer.order(four.baseUrl, id)
        return [status, ...timeline.map(({ step, outcome }) => `${step} ${outcome}`)].join(", ")
      }
      const threeSteps = "completed, money reserved, item reserved, slot reserved"
      for (
        const [ids, wanted] of [[old, threeSteps], [
          now,
          `${threeSteps}, courier reserved`,
        ]] as const
      ) {
        const found = new Map<string, string>()
        await until("all orders are final", patienceMs, async () => {
          for (const id of ids) {
            if (!found.get(id)?.startsWith("completed")) found.set(id, await stepsOf(id))
          }
          return [...found.values()].every((text) => text.startsWith("completed"))
        })
        expect([...new Set(found.values())]).toEqual([wanted])
      }
      const audit = await auditFrom(folder, "node", { DATA_DIR })
      expect(audit.errors).toBe("")
      expect(audit.output).toContain(`held by all ${before + inFlight + 10}, by none 0`)
      expect(audit.code).toBe(0)
    },
  )
})
