/**
 * Finds the system for the demo: the given one, else the one on this machine, else a temporary one
 * in this process, whose data is deleted when the scope closes.
 */
import { Console, Effect, Schedule, Schema, type Scope } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startSystem } from "#compose/embedded/system.ts"
import { customerApi } from "../customer-api.ts"

/** There is no system for the demo. */
export class NoSystem extends Schema.TaggedError<NoSystem>()("NoSystem", {
  message: Schema.String,
}) {}

export interface RunningSystem {
  readonly baseUrl: string
  /**
   * Fails with a message when the temporary system ends by itself. Never fails for a system that
   * the demo did not start.
   */
  readonly broken: Effect.Effect<never, { readonly message: string }>
}

type Environment = Readonly<Record<string, string | undefined>>

/** Finds a system, or starts one until the scope closes. Fails with a message for a person. */
export const findSystem = (
  given: string | undefined,
  environment: Environment,
): Effect.Effect<RunningSystem, { readonly message: string }, Scope.Scope> =>
  Effect.gen(function* () {
    const baseUrl = given ?? `http://localhost:${environment["PORT"] || 8080}`
    const found = yield* lookAt(baseUrl)
    if (found === "an Unwind") return { baseUrl, broken: Effect.never }
    if (given !== undefined) {
      return yield* new NoSystem({
        message:
          `There is ${found} at ${baseUrl}: start it with npm start, or give another --base-url`,
      })
    }
    yield* Console.error(`There is ${found} at ${baseUrl}: the demo starts a system of its own.`)
    return yield* startOwn(environment)
  })

/** Waits up to 30 seconds for a system that is starting. */
const lookAt = (baseUrl: string) =>
  customerApi(baseUrl).look.pipe(
    Effect.retry({
      while: ({ status }) => status === 503,
      schedule: Schedule.spaced("250 millis").pipe(Schedule.upTo({ duration: "30 seconds" })),
    }),
    Effect.match({
      onSuccess: () => "an Unwind" as const,
      onFailure: ({ status }) => {
        if (status === undefined) return "nothing" as const
        return status === 503 ? "an Unwind that is not ready" as const : "no Unwind" as const
      },
    }),
  )

const startOwn = (environment: Environment) =>
  Effect.gen(function* () {
    const dataDir = yield* throwAwayFolder
    const { port, broken } = yield* startSystem({
      host: "127.0.0.1",
      port: 0,
      internalPort: 0,
      dataDir,
      queueUrl: undefined,
      environment,
      progress: (what) => Console.error(`  starting ${what} ...`),
    })
    return { baseUrl: `http://127.0.0.1:${port}`, broken }
  })

const throwAwayFolder = Effect.acquireRelease(
  Effect.tryPromise({
    try: () => mkdtemp(join(tmpdir(), "unwind-demo-")),
    catch: (cause) =>
      new NoSystem({
        message: `Cannot create a data folder in ${tmpdir()} (${(cause as Error).message})`,
      }),
  }),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true })),
)
