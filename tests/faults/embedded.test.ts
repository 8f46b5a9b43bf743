/**
 * Faults of the whole embedded run, as a process of its own on a real PostgreSQL: it is killed, or
 * its queue is emptied, in the middle of many orders. Then every acknowledged order must become
 * final, and the books must balance.
 */
import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import { afterEach, describe, expect, it } from "vitest"
import { audit, undecided } from "#tests/support/books.ts"
import { inParallel, newCustomer, until, wishOf } from "#tests/support/customer.ts"
import { type EmbeddedProcess, postgresOf, startEmbedded } from "#tests/support/embedded-process.ts"
import { atLength } from "#tests/support/length.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { startRedis } from "#tests/support/redis.ts"

const orders = atLength(200, 1_000)
const openings = { walletMinor: 100_000_00, stock: 1_000, capacity: 1_000 }
const settings = {
  OPENING_WALLET_MINOR: String(openings.walletMinor),
  ITEM_STOCK: String(openings.stock),
  SLOT_CAPACITY: String(openings.capacity),
  REPUBLISH_AFTER: "2 seconds",
  // Few, so that a backlog exists when the fault comes.
  SAGAS_IN_FLIGHT: "20",
}

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const dataFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-faults-"))
  cleanups.push(() =>
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  )
  return folder
}

/** Places all orders, each until it is acknowledged, and calls `fault` once in the middle. */
const placeOrders = async (address: () => string, fault: () => Promise<void>) => {
  const customer = await newCustomer(address)
  const acknowledged = new Map<number, Set<string>>()
  let faulted: Promise<void> | undefined
  await inParallel(orders, 50, async (n) => {
    const key = randomUUID()
    const ids = new Set<string>()
    acknowledged.set(n, ids)
    await until(`order ${n} is acknowledged`, patienceMs, async () => {
      const id = await customer.tryToPlace(wishOf(n), key)
      if (id !== undefined) ids.add(id)
      return id !== undefined
    })
    if (n === orders / 2) faulted = fault()
  })
  await faulted
  return [...acknowledged.values()].flatMap((ids) => [...ids])
}

const expectBalancedBooks = async (postgresUrl: string, acknowledged: ReadonlyArray<string>) => {
  await until("every order is final", patienceMs, async () => await undecided(postgresUrl) === 0)
  const books = await audit(postgresUrl, openings)
  expect(books.faults).toEqual([])
  expect(acknowledged.filter((id) => !books.orders.has(id))).toEqual([])
  // No key made a second order.
  expect(books.orders.size).toBe(orders)
  const statuses = new Set([...books.orders.values()].map(({ status }) => status))
  expect([...statuses].sort()).toEqual(["completed", "failed"])
  return [...books.orders.values()]
}

describe("the embedded run", () => {
  it.each([
    ["with the queue in memory", { QUEUE_URL: "memory:" }],
    ["with Redis from the PATH, or else memory", {}],
  ])(
    "%s, finishes all orders after kill -9 and a restart",
    async (_name, queue) => {
      const DATA_DIR = dataFolder()
      const start = () => startEmbedded({ ...settings, ...queue, DATA_DIR })
      let system: EmbeddedProcess = await start()
      cleanups.push(() => system.end("SIGTERM"))
      const acknowledged = await placeOrders(() => system.baseUrl, async () => {
        await system.end("SIGKILL")
        system = await start()
      })
      await expectBalancedBooks(postgresOf(DATA_DIR), acknowledged)
    },
  )

  it("finishes many orders although its queue is emptied meanwhile", async () => {
    const redis = await startRedis()
    cleanups.push(() => redis.kill())
    const DATA_DIR = dataFolder()
    const system = await startEmbedded({ ...settings, QUEUE_URL: redis.url, DATA_DIR })
    cleanups.push(() => system.end("SIGTERM"))
    const client = new Redis(redis.url)
    cleanups.push(() => client.disconnect())
    const acknowledged = await placeOrders(() => system.baseUrl, async () => {
      await until("orders were lost from the queue", patienceMs, async () => {
        const [waiting] = await client.multi().xlen("orders").flushall().exec() ?? []
        return Number(waiting?.[1]) > 10
      })
    })
    const all = await expectBalancedBooks(postgresOf(DATA_DIR), acknowledged)
    expect(all.filter((order) => order.republished > 0).length).toBeGreaterThan(5)
  })
})
