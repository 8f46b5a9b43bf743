/**
 * Other engines (`tests/instruments/bench/peers`): each is a program that runs the bench's orders
 * with our participants.
 */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync } from "node:fs"
import { join } from "node:path"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { RunFailed } from "../run.ts"
import { endOf, refusals, type WantedOrder } from "../work/workload.ts"
import type { Ground } from "./ground.ts"
import { root, runtimeCommand } from "./program.ts"
import type { Services } from "./services.ts"

export const peerNames = ["restate", "dbos", "effect-workflow", "bullmq", "plain"] as const
export type PeerName = typeof peerNames[number]

const folder = join(root, "tests/instruments/bench/peers")

/** Whether their dependencies are installed: the project's `npm ci` does not do it. */
export const peersAreInstalled = (): boolean => existsSync(join(folder, "node_modules"))

/** The output of a peer. */
export interface PeerResult {
  readonly sagas: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface PeerOptions {
  readonly name: PeerName
  /** The orders of the warm-up, then those that are measured. All are pending in the table. */
  readonly orders: ReadonlyArray<WantedOrder>
  readonly warmUp: number
  /** The sagas in flight; unset: what suits the engine best. */
  readonly inFlight?: number | undefined
}

/** Runs the program once, with a new database and a new folder. */
export const runPeer = (
  ground: Ground,
  services: Services,
  options: PeerOptions,
): Effect.Effect<PeerResult, RunFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { name, orders } = options
    const databaseUrl = yield* Effect.promise(() => freshDatabase(ground))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const [command, ...words] = runtimeCommand("node")
        const env = environmentFor(ground, services, options, databaseUrl)
        return spawn(command, [...words, `${name}.ts`], { cwd: folder, env })
      }),
      // It ends what it has started.
      (child) => Effect.sync(() => child.kill("SIGTERM")),
    )
    let [output, errors] = ["", ""]
    child.stdout.on("data", (text) => output += text)
    child.stderr.on("data", (text) => errors = (errors + text).slice(-2000))
    child.stdin.on("error", () => {}) // It ended early; its errors say why.
    child.stdin.end(orders.map(lineOf).join(""))
    const [code] = yield* Effect.promise(() => once(child, "close") as Promise<[number | null]>)
    if (code === 0) return JSON.parse(output.trim().split("\n").at(-1)!) as PeerResult
    const why = errors.split("\n").find((line) => /error/i.test(line)) ?? errors.slice(-300)
    return yield* new RunFailed({ message: `The peer ${name} failed: ${why.trim()}` })
  })

const lineOf = ({ createdAtMs: _, ...order }: WantedOrder, n: number): string =>
  JSON.stringify({ ...order, refusal: refusals[endOf(n)] }) + "\n"

const environmentFor = (
  { servers, keysFolder, folder }: Ground,
  services: Services,
  { warmUp, inFlight }: PeerOptions,
  databaseUrl: string,
) => {
  const address = (name: "billing" | "items" | "slots") =>
    `http://127.0.0.1:${services.portsOf(name, "internal")[0]}/internal/reservations`
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    BILLING_URL: address("billing"),
    ITEMS_URL: address("items"),
    SLOTS_URL: address("slots"),
    SERVICE_PRIVATE_KEY: keyFiles(keysFolder).privateKey("orchestrator"),
    ORDERS_DATABASE_URL: servers.databases.orders,
    PEER_DATABASE_URL: databaseUrl,
    REDIS_URL: servers.redisUrl,
    DATA_DIR: mkdtempSync(join(folder, "peer-")),
    WARMUP: `${warmUp}`,
    ...(inFlight !== undefined && { IN_FLIGHT: `${inFlight}` }),
  }
}

const freshDatabase = async ({ databases, servers }: Ground): Promise<string> => {
  await databases.orders`drop database if exists peer with (force)`
  await databases.orders`create database peer`
  const url = new URL(servers.postgresUrl)
  url.pathname = "peer"
  return url.href
}
