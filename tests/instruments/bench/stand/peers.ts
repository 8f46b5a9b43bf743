/**
 * Other engines (`tests/instruments/bench/peers`), each a program that runs the same orders against
 * our participants.
 */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync } from "node:fs"
import { join } from "node:path"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { RunFailed } from "../run.ts"
import type { Ground } from "./ground.ts"
import { root, runtimeCommand } from "./program.ts"
import type { Services } from "./services.ts"

export const peerNames = ["restate", "dbos", "effect-workflow", "bullmq", "plain"] as const
export type PeerName = typeof peerNames[number]

const folder = join(root, "tests/instruments/bench/peers")

/** They have dependencies of their own, which `npm ci` does not install. */
export const peersAreInstalled = (): boolean => existsSync(join(folder, "node_modules"))

/** What such a program prints. */
export interface PeerResult {
  readonly sagas: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface PeerOptions {
  readonly name: PeerName
  readonly orders: number
  readonly warmUp: number
  /** How many sagas are in flight; where it is not given, what suits the engine best. */
  readonly inFlight?: number
}

/** Runs the program once, with a database and a folder that nobody used before. */
export const runPeer = (
  ground: Ground,
  services: Services,
  options: PeerOptions,
): Effect.Effect<PeerResult, RunFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { name } = options
    const databaseUrl = yield* Effect.promise(() => freshDatabase(ground))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const [command, ...words] = runtimeCommand("node")
        const env = environmentFor(ground, services, options, databaseUrl)
        return spawn(command, [...words, join(folder, `${name}.ts`)], { cwd: root, env })
      }),
      // It ends what it has started.
      (child) => Effect.sync(() => child.kill("SIGTERM")),
    )
    let [output, errors] = ["", ""]
    child.stdout.on("data", (text) => output += text)
    child.stderr.on("data", (text) => errors = (errors + text).slice(-2000))
    const [code] = yield* Effect.promise(() => once(child, "close") as Promise<[number | null]>)
    if (code === 0) return JSON.parse(output.trim().split("\n").at(-1)!) as PeerResult
    const why = errors.split("\n").find((line) => /error/i.test(line)) ?? errors.slice(-300)
    return yield* new RunFailed({ message: `The peer ${name} failed: ${why.trim()}` })
  })

const environmentFor = (
  { servers, keysFolder, folder }: Ground,
  services: Services,
  { orders, warmUp, inFlight }: PeerOptions,
  databaseUrl: string,
) => {
  const address = (name: "billing" | "items" | "slots") =>
    `http://127.0.0.1:${services.portsOf(name, "internal")[0]}`
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
    ORDERS: `${orders}`,
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
