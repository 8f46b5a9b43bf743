/**
 * The system that a file of end-to-end tests uses: the one at E2E_BASE_URL, else the embedded one,
 * started in this process before the file's first test and removed with its data after the last.
 */
import { Effect, Exit, References, Scope } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { startSystem } from "#compose/embedded/system.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"
import { obtainRedis, startRedis } from "#tests/support/redis.ts"

/** The given system, if any; what the tests buy and whom they sign up stays there. */
export const givenBaseUrl = process.env["E2E_BASE_URL"]?.replace(/\/+$/, "")

/** The system; its URL, without a slash at the end, is set from the first test on. */
export const system = { baseUrl: givenBaseUrl ?? "" }

/**
 * Makes sure that the tests of this file have a system; `environment` has settings such as
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

/** Starts the embedded system until the scope closes, and returns its URL. */
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
    // The tests' wrong requests cause warnings.
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

/**
 * The system starts a Redis from the PATH itself; if the tests use one in Docker, its URL is
 * passed.
 */
const dockersRedis = Effect.gen(function* () {
  if ((yield* Effect.promise(obtainRedis)) !== "docker") return undefined
  const { url } = yield* Effect.acquireRelease(
    Effect.promise(startRedis),
    ({ kill }) => Effect.promise(kill),
  )
  return url
})
