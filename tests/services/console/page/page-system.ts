/** A whole system for tests of the page, in which tests can make orders stuck and dead letters. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis } from "ioredis"
import createClient, { type Sql } from "postgres"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { toMinor } from "#shared/contracts/order.ts"
import type { ServiceName } from "#shared/roster.ts"
import { type Customer, newCustomer, type Wish } from "#tests/support/customer.ts"
import { type Environment, postgresOf, startEmbedded } from "#tests/support/embedded-process.ts"
import { startRedis } from "#tests/support/redis.ts"

export interface PageSystem {
  readonly baseUrl: string
  /** The address that signs in the first operator, once. */
  readonly signInUrl: string
  readonly customer: Customer
  /** Places an order, and returns its id. */
  readonly order: (wish: Partial<Wish>) => Promise<string>
  /** Makes a participant fail at commands with this outcome, until the given function is called. */
  readonly refuse: (
    participant: "items" | "slots",
    outcome: "reserved" | "cancelled",
  ) => Promise<() => Promise<void>>
  /** Cuts a service off from its database, until the given function is called. */
  readonly cutOff: (service: ServiceName) => Promise<() => Promise<void>>
  /** The database of a service, as its superuser. */
  readonly sql: (service: ServiceName) => Sql
  /** Puts an order among the dead letters. */
  readonly bury: (orderId: string) => Promise<void>
  /** Puts an unreadable entry on the queue. */
  readonly sendNoise: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts a system as `npm start` does, with these settings. */
export const startPageSystem = async (settings: Environment = {}): Promise<PageSystem> => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-page-"))
  const redis = await startRedis()
  const system = await startEmbedded({ DATA_DIR: folder, QUEUE_URL: redis.url, ...settings })
  const customer = await newCustomer(() => system.baseUrl)
  const client = new Redis(redis.url)
  const clients = new Map<string, Sql>()
  const sqlOf = (database: string): Sql => {
    const url = new URL(postgresOf(folder))
    url.pathname = `/${database}`
    const sql = clients.get(database) ?? createClient(url.href, { max: 1, onnotice: () => {} })
    clients.set(database, sql)
    return sql
  }
  const refuse: PageSystem["refuse"] = async (participant, outcome) => {
    const sql = sqlOf(participant)
    await sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$ begin
        if new.outcome = '${outcome}' then raise exception 'a test refuses it'; end if;
        return new;
      end $$;
      create trigger refuse before insert or update on reservations
        for each row execute function refuse()`)
    return async () => void await sql.unsafe("drop function refuse cascade")
  }
  const cutOff: PageSystem["cutOff"] = async (service) => {
    const sql = sqlOf("postgres")
    const allow = (isAllowed: boolean) =>
      sql.unsafe(`alter database ${service} allow_connections ${isAllowed}`)
    await allow(false)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${service}`
    return async () => void await allow(true)
  }
  return {
    baseUrl: system.baseUrl,
    signInUrl: /Console +(\S+)/.exec(system.output())![1]!,
    customer,
    order: async (wish) => {
      const id = await customer.tryToPlace(
        { amount: 1, item: 1, slot: "09:00", ...wish },
        crypto.randomUUID(),
      )
      if (id === undefined) throw new Error("The order was refused")
      return id
    },
    refuse,
    cutOff,
    sql: sqlOf,
    bury: async (orderId) => {
      const order = await customer.order(system.baseUrl, orderId)
      const message = {
        orderId,
        username: order.username,
        amountMinor: toMinor(order.amount),
        details: order.details,
        steps: stepsInForce,
        createdAtMs: Date.parse(order.createdAt),
        republished: 0,
      } satisfies typeof OrderMessage.Encoded
      const origin = ["cause", "a test buried it", "entry", "1-0", "order", orderId]
      const letter = await client.xadd(
        "orders:dead",
        "*",
        ...origin,
        "message",
        JSON.stringify(message),
      )
      await client.hset("orders:dead:index", orderId, letter!)
    },
    sendNoise: async () => void await client.xadd("orders", "*", "message", "noise"),
    stop: async () => {
      client.disconnect()
      await Promise.all([...clients.values()].map((sql) => sql.end()))
      await system.end("SIGTERM")
      await redis.kill()
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
}
