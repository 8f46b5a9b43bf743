/**
 * No service has a right that the roster does not give: each reads the keys and addresses that it
 * needs and no others, and lets in those that call it, and nobody else. The services run unchanged,
 * connected in memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Apps, serviceNamed, startServices } from "#compose/embedded/services.ts"
import { addressName } from "#shared/config/addresses.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import {
  callees,
  callers,
  provesUsers,
  roster,
  type ServiceName,
  serviceNames,
} from "#shared/roster.ts"
import { ServiceSigner, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { createDatabase } from "../support/postgres.ts"

const calls = (caller: ServiceName): ReadonlyArray<ServiceName> => roster[caller].calls

describe("the settings of a service", () => {
  it.effect.each(serviceNames)(
    "name the keys, stores and services that it uses: %s",
    (name) =>
      Effect.gen(function* () {
        const { settings } = yield* serviceNamed(name)
        const { database, redis } = roster[name]
        const needed = [
          ...(callers.includes(name) ? ["SERVICE_PRIVATE_KEY"] : []),
          ...(callees.includes(name) ? ["SERVICE_PUBLIC_KEYS"] : []),
          ...(provesUsers(roster, name) ? ["JWKS_URL"] : []),
          // Only auth signs tokens for users.
          ...(name === "auth" ? ["SIGNING_KEYS_SECRET"] : []),
          ...(database ? ["DATABASE_URL"] : []),
          ...(redis === "queue" ? ["QUEUE_URL", "QUEUE_TOKEN"] : []),
          ...(redis === "counters" ? ["RATE_LIMIT_URL"] : []),
          ...calls(name).map(addressName),
        ]
        const held = Object.keys(settings).filter((one) => /_(KEYS?|URL|TOKEN|SECRET)$/.test(one))
        assert.deepStrictEqual(held.toSorted(), needed.toSorted())
      }),
  )
})

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "unwind-test-rights-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true })),
)

const databaseFor = (name: ServiceName) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => createDatabase(name)),
      ({ drop }) => Effect.promise(drop),
    ),
    ({ url }) => [name, url] as const,
  )

/** The services, and for each that has a key, a token for another one. */
const running = Effect.gen(function* () {
  const keysFolder = yield* temporaryFolder
  yield* Effect.promise(() => generateServiceKeys(keysFolder))
  const databases = Object.fromEntries(yield* Effect.forEach(serviceNames, databaseFor))
  const apps = yield* startServices({
    databases,
    queueUrl: "memory:",
    keysFolder,
    environment: { DATABASE_POOL: "2" },
  })
  const tokenOf = (caller: ServiceName, callee: ServiceName) =>
    serviceSignerLayer(caller, keyFiles(keysFolder).privateKey(caller)).pipe(
      Layer.build,
      Effect.flatMap((context) => Context.get(context, ServiceSigner).tokenFor(callee)),
    )
  return { apps, tokenOf }
})

interface Operation {
  readonly method: string
  readonly path: string
  /** Whose tokens the operation accepts, by its description. */
  readonly takes: ReadonlyArray<string>
  readonly isInternal: boolean
}

interface Described {
  readonly security?: ReadonlyArray<Record<string, unknown>>
  readonly tags?: ReadonlyArray<string>
}

const operationsOf = (apps: Apps, name: ServiceName) =>
  Effect.promise(async (): Promise<ReadonlyArray<Operation>> => {
    const document = await (await apps[name].internal.request("/openapi.json")).json() as {
      paths: Record<string, Record<string, Described>>
    }
    return Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security = [], tags = [] }]) => ({
        method: method.toUpperCase(),
        path: path.replace(/\{\w+\}/g, "x"),
        takes: security.flatMap((scheme) => Object.keys(scheme)),
        isInternal: tags.includes("internal"),
      }))
    )
  })

/** Whether the bearer of the token is let in; a missing body is checked afterwards. */
const letsIn = (apps: Apps, name: ServiceName, operation: Operation, token: string) =>
  Effect.promise(async () => {
    const { method, path, takes } = operation
    const answer = await oneDoor(apps[name]).request(path, {
      method,
      headers: { authorization: `Bearer ${token}` },
    })
    // The service itself is let in; what is missing is the operator.
    const isForOperator = takes.includes("operator") &&
      (await answer.clone().json() as { code: string }).code === "operator_unauthenticated"
    return isForOperator || (answer.status !== 401 && answer.status !== 403)
  })

describe("a service's door", () => {
  it.live("is the internal one for routes that only services may use, else the public one", () =>
    Effect.gen(function* () {
      const { apps } = yield* running
      for (const name of serviceNames) {
        const operations = yield* operationsOf(apps, name)
        assert.strictEqual(operations.some((one) => !one.isInternal), roster[name].port !== null)
        for (const { method, path, takes, isInternal } of operations) {
          const found = yield* Effect.forEach(
            ["public", "internal"] as const,
            (door) =>
              Effect.promise(async () =>
                (await apps[name][door].request(path, { method })).status !== 404
              ),
          )
          const what = `${method} ${path} of ${name}`
          assert.deepStrictEqual(found, [!isInternal, isInternal], what)
          // Services that have no key of their own also read the keys that prove tokens.
          const isForServices = takes.includes("service") || path === "/internal/jwks.json"
          assert.strictEqual(isForServices, isInternal, what)
        }
      }
    }))

  it.live("is open to the callers of the roster, and to no other service", () =>
    Effect.gen(function* () {
      const { apps, tokenOf } = yield* running
      const edges = new Set<string>()
      for (const name of serviceNames) {
        for (const operation of yield* operationsOf(apps, name)) {
          if (operation.takes.length === 0) continue
          const letIn: Array<ServiceName> = []
          for (const caller of callers) {
            const token = yield* tokenOf(caller, name)
            if (yield* letsIn(apps, name, operation, token)) letIn.push(caller)
          }
          const what = `${operation.method} ${operation.path} of ${name}`
          assert.deepStrictEqual(letIn.filter((caller) => !calls(caller).includes(name)), [], what)
          if (operation.takes.includes("service")) assert.isNotEmpty(letIn, `${what}: for nobody`)
          else assert.deepStrictEqual(letIn, [], what)
          for (const caller of letIn) edges.add(`${caller} calls ${name}`)
        }
      }
      const wanted = callers.flatMap((caller) =>
        calls(caller).map((one) => `${caller} calls ${one}`)
      )
      // The console checks the readiness of every service, also if it calls nothing else there; for
      // that it needs no token.
      const unproved = wanted.filter((edge) => edge.startsWith("console ") && !edges.has(edge))
      assert.sameMembers([...edges, ...unproved], wanted)
    }))
})
