/**
 * Faults in the middle of a steady load: containers are killed, restarted, emptied, scaled,
 * replaced, and given other secrets, one after another, while customers order through the gateway.
 * Then every acknowledged order must be final, and the books of the whole system must balance.
 */
import { deepStrictEqual, ok } from "node:assert/strict"
import { randomUUID } from "node:crypto"
import { setTimeout as pause } from "node:timers/promises"
import { audit, type Openings, undecided } from "#tests/support/books.ts"
import { newCustomer, until, wishOf } from "#tests/support/customer.ts"
import { type ComposeProject, run } from "./compose-project.ts"

interface Load {
  readonly usernames: ReadonlyArray<string>
  /** Resolves when this many more orders have been acknowledged. */
  readonly more: (orders: number) => Promise<void>
  /** Stops ordering, and returns the id of every acknowledged order with its expected end. */
  readonly stop: () => Promise<ReadonlyMap<string, "completed" | "failed">>
}

const customers = 8
const betweenOrdersMs = 50

/**
 * A wish that a wallet can afford for the whole run, or one for too much or for something that does
 * not exist.
 */
const cheapWish = (n: number) => {
  const wish = wishOf(n)
  const canBe = ![1, 2, 3].includes(n % 10)
  return {
    wish: wish.amount > 3 ? wish : { ...wish, amount: wish.amount / 100 },
    mustBe: canBe ? "completed" as const : "failed" as const,
  }
}

const startLoad = async (baseUrl: string): Promise<Load> => {
  const all = await Promise.all(Array.from({ length: customers }, () => newCustomer(() => baseUrl)))
  const acknowledged = new Map<string, "completed" | "failed">()
  let stopped = false
  let placed = 0
  const working = Promise.all(all.map(async (customer) => {
    while (!stopped) {
      const { wish, mustBe } = cheapWish(placed++)
      const key = randomUUID()
      let id: string | undefined
      await until("an order is acknowledged", 60_000, async () => {
        id = await customer.tryToPlace(wish, key)
        return id !== undefined
      })
      acknowledged.set(id!, mustBe)
      await pause(betweenOrdersMs)
    }
  }))
  // Thrown at the next wait for orders.
  let failure: unknown
  working.catch((error) => failure = error)
  return {
    usernames: all.map(({ username }) => username),
    more: async (orders) => {
      const goal = acknowledged.size + orders
      await until(`${orders} more orders are acknowledged`, 90_000, () => {
        if (failure !== undefined) throw failure
        return Promise.resolve(acknowledged.size >= goal)
      })
    },
    stop: async () => {
      stopped = true
      await working
      return acknowledged
    },
  }
}

export type Fault = (project: ComposeProject, load: Load) => Promise<unknown>

const killOne = async (project: ComposeProject, service: string) => {
  const [victim] = await project.containers(service)
  await run("docker", ["kill", victim!.id])
  return victim!
}

const scale = (project: ComposeProject, orchestrators: number, orders: number) =>
  project.compose(
    ...["up", "--detach", "--wait", "--no-recreate"],
    ...["--scale", `orchestrator=${orchestrators}`, "--scale", `orders=${orders}`],
  )

const redis = (project: ComposeProject, command: string) =>
  project.compose(
    ...["exec", "-T", "redis", "bash", "-c"],
    `REDISCLI_AUTH=$(cat /run/secrets/password) redis-cli ${command}`,
  )

/** What breaks, or is replaced, while customers order. */
export const faults: Readonly<Record<string, Fault>> = {
  "the only orchestrator is killed and started again": async (project, load) => {
    const { id } = await killOne(project, "orchestrator")
    await load.more(50)
    await run("docker", ["start", id])
  },
  "PostgreSQL is restarted": (project) => project.compose("restart", "postgres"),
  "Redis is restarted": (project) => project.compose("restart", "redis"),
  "Redis is emptied while orders wait in it": async (project, load) => {
    await project.compose("pause", "orchestrator")
    await load.more(50)
    ok(Number(await redis(project, "xlen orders")) >= 50, "no orders wait in Redis")
    await redis(project, "flushall")
    await project.compose("unpause", "orchestrator")
  },
  "three orchestrators and two of orders run": async (project, load) => {
    await scale(project, 3, 2)
    await load.more(100)
    const consumers = await redis(project, "xinfo consumers orders orchestrators")
    deepStrictEqual(consumers.match(/^name$/gm)?.length, 3)
  },
  "one of three orchestrators is killed": (project) => killOne(project, "orchestrator"),
  "one of each runs again": (project) => scale(project, 1, 1),
  "orders is replaced by a new container": (project) =>
    project.compose("up", "--detach", "--no-deps", "--force-recreate", "orders"),
}

/**
 * Fails if an order is lost or ends differently than expected, or the books do not balance. Returns
 * a line about the result.
 */
export const checkFaults = async (
  project: ComposeProject,
  openings: Openings,
  faults: Readonly<Record<string, Fault>>,
  tell: (what: string) => void,
): Promise<string> => {
  const load = await startLoad(project.baseUrl)
  await load.more(50)
  for (const [what, fault] of Object.entries(faults)) {
    tell(what)
    await fault(project, load)
    await load.more(50)
  }
  const acknowledged = await load.stop()
  const books = await project.withPostgres(async (url) => {
    await until("every order is final", 120_000, async () => await undecided(url) === 0)
    return await audit(url, openings)
  })
  deepStrictEqual(books.faults, [])
  const ended = [...acknowledged.keys()].map((id) => books.orders.get(id))
  deepStrictEqual(ended.map((order) => order?.status), [...acknowledged.values()])
  // No key made a second order.
  const ours = [...books.orders.values()].filter((o) => load.usernames.includes(o.username))
  deepStrictEqual(ours.length, ended.length)
  const republished = ended.filter((order) => order!.republished > 0).length
  ok(republished >= 50, "orders that were lost from Redis were not published again")
  return `${ended.length} orders, none lost, ${republished} published again, the books balance`
}
