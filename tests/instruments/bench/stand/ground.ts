/**
 * What all subjects share: servers, databases, keys and a folder. All of it is removed at the end.
 */
import { Effect, type Scope } from "effect"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { type Guard, startGuard } from "#tests/instruments/chaos/guard.ts"
import type { Metered } from "../meter/meter.ts"
import { type BenchQueue, openQueue } from "../work/queue.ts"
import { type Databases, openDatabases } from "./databases.ts"
import { type Servers, serversIn, startServers } from "./servers.ts"

export interface Ground {
  readonly folder: string
  readonly keysFolder: string
  readonly logFile: (name: string) => string
  readonly servers: Servers
  readonly databases: Databases
  readonly guard: Guard
  /** The stream of the services, and that of the limit programs. */
  readonly queues: Readonly<Record<Stream, BenchQueue>>
  /** The servers, and the bench itself. */
  readonly processes: ReadonlyArray<Metered>
}

export const streams = ["orders", "limit"] as const
export type Stream = typeof streams[number]

/** Starts the servers until the scope closes. Fails with a message for a person. */
export const startGround: Effect.Effect<Ground, { readonly message: string }, Scope.Scope> = Effect
  .gen(function* () {
    const folder = yield* throwAwayFolder
    const keysFolder = join(folder, "secrets")
    const servers = yield* startServers(folder)
    yield* Effect.promise(() => generateServiceKeys(keysFolder))
    mkdirSync(join(folder, "logs"))
    return {
      folder,
      keysFolder,
      logFile: (name) => join(folder, "logs", `${name}.log`),
      servers,
      databases: yield* openDatabases(servers.postgresUrl),
      guard: yield* startGuard,
      queues: {
        orders: yield* openQueue(servers.redisUrl, "orders"),
        limit: yield* openQueue(servers.redisUrl, "limit"),
      },
      processes: [...serversIn(folder), bench],
    }
  })

/** The bench itself, which puts orders on the queue and polls how many are left. */
export const bench: Metered = { name: "bench", pid: process.pid, alone: true }

/** A temporary folder, on the disk and not in memory, so that a sync has its cost. */
export const throwAwayFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "unwind-bench-"))),
  (folder) =>
    Effect.sync(() =>
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    ),
)
