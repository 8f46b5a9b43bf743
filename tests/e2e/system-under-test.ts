/**
 * The system that a file of end-to-end tests talks to: the one at E2E_BASE_URL, else the embedded
 * one, started in this process before the file's first test and gone with its data after the last.
 */
import { Effect, Exit, References, Scope } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { startSystem } from "#compose/embedded/system.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"
import { obtainRedis, startRedis } from "#tests/support/redis.ts"

/** Where the tests are told to find a system; what they buy and whom they sign up stays there. */
export const givenBaseUrl = process.env["E2E_BASE_URL"]?.replace(/\/+$/, "")

/** The system; its URL, which has no trailing slash, is there from the first test on. */
export const system = { baseUrl: givenBaseUrl ?? "" }

/**
 * Sees to it that the tests of this file have a system; `environment` holds settings such as
 * ITEM_STOCK.
 */
export const useSystem = (environment: Readonly<Record<string, string>> = {}): void => {
  if (givenBaseUrl !== undefined) return
  const scope = Scope.makeUnsafe()
  beforeAll(async () => {
    system.baseUrl = await embedded(environment).pipe(Scope.provide(scope), Effect.runPromise)
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
}

/** Starts the embedded system until the scope closes, and gives its URL. */
const embedded = (environment: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const dataDir = yield* Effect.acquireRelease(
      Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "unwind-e2e-"))),
      (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true })),
    )
    const { port } = yield* startSystem({
      host: "127.0.0.1",
      port: 0,
      internalPort: 0,
      dataDir,
      queueUrl: yield* dockersRedis,
      environment: { ...plentyOfOrders, ...environment },
      progress: () => Effect.void,
    })
    return `http://127.0.0.1:${port}`
  }).pipe(
    // What is sent wrong on purpose is warned of.
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

/**
 * A Redis on the PATH the system starts by itself; where the tests have it from Docker it is told
 * of one.
 */
const dockersRedis = Effect.gen(function* () {
  if ((yield* Effect.promise(obtainRedis)) !== "docker") return undefined
  const { url } = yield* Effect.acquireRelease(
    Effect.promise(startRedis),
    ({ kill }) => Effect.promise(kill),
  )
  return url
})
