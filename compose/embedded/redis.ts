/**
 * The embedded run's own Redis, if the machine has one: `redis-server` or `valkey-server` from
 * PATH, on 127.0.0.1, with a free port and a password made for this start. It keeps its streams in
 * an append-only file below the data folder. Redis is a cache, not the record, so that folder may
 * be removed between two runs and no order is lost.
 */
import { Effect, Option, type Scope } from "effect"
import { Redis } from "ioredis"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { freePort } from "./free-port.ts"
import { openServerFolder, ownPath, serverEnvironment, type ServerFolder } from "./server-folder.ts"
import { type Ended, persistently, startServer } from "./server-process.ts"
import { inDataFolder, StartError } from "./start-error.ts"

export interface RunningRedis {
  readonly url: string
  readonly ended: Ended
}

/** Older versions answer the order queue's commands differently, or do not know them. */
const oldestMajor = 7
const settingsFile = "redis.conf"
const pidFile = "redis.pid"

/**
 * Starts the server, and succeeds when it accepts commands; the scope stops it. None if PATH has no
 * server, or only one that is too old. Fails with StartError.
 */
export const startRedis = (
  options: {
    readonly dataDir: string
    /** The address of an earlier start, to use again. */
    readonly urlBefore?: URL | undefined
  },
): Effect.Effect<Option.Option<RunningRedis>, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const program = redisOnPath()
    if (program === undefined) return Option.none()
    const dataDir = path.resolve(options.dataDir)
    const folder = yield* openServerFolder(path.join(dataDir, "redis"))
    const logFile = path.join(dataDir, "redis.log")
    const attempt = Effect.gen(function* () {
      const port = options.urlBefore ? Number(options.urlBefore.port) : yield* freePort
      const password = options.urlBefore?.password ?? randomBytes(24).toString("base64url")
      yield* writeSettings(folder, port, password)
      const command = [program, path.join(ownPath(folder), settingsFile)] as const
      const ended = yield* startServer({ name: "Redis", folder, command, pidFile, logFile })
      const url = `redis://:${password}@127.0.0.1:${port}`
      yield* Effect.raceFirst(untilReady(url), ended)
      return { url, ended }
    })
    return Option.some(yield* persistently("Redis", logFile, attempt))
  }).pipe(
    Effect.mapError(({ message }) =>
      new StartError({
        message: `${message} (it holds no record: remove ${options.dataDir}/redis to start over)`,
      })
    ),
  )

/** The program to start, if PATH has one that is recent enough. */
export const redisOnPath = (): string | undefined =>
  ["redis-server", "valkey-server"].find(isRecent)

const isRecent = (program: string): boolean => {
  const { stdout } = spawnSync(program, ["--version"], {
    encoding: "utf8",
    env: serverEnvironment(),
  })
  return Number(/ v=(\d+)/.exec(stdout ?? "")?.[1] ?? 0) >= oldestMajor
}

/** In a file that only the server's account can read, since everybody can read a command line. */
const writeSettings = (
  { account, path: folder }: ServerFolder,
  port: number,
  password: string,
): Effect.Effect<void, StartError> =>
  inDataFolder(folder, () => {
    const settings = [
      `port ${port}`,
      "bind 127.0.0.1",
      `requirepass ${password}`,
      `pidfile ${pidFile}`,
      "appendonly yes",
      'save ""',
    ]
    const file = path.join(folder, settingsFile)
    fs.rmSync(file, { force: true })
    fs.writeFileSync(file, settings.join("\n"), { mode: 0o600 })
    if (account) fs.chownSync(file, account.uid, account.gid)
  })

const untilReady = (url: string): Effect.Effect<void> =>
  Effect.acquireUseRelease(
    Effect.sync(() =>
      new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null })
        .on("error", () => {}) // Not ready yet; it retries.
    ),
    (redis) => Effect.promise(() => redis.ping()),
    (redis) => Effect.sync(() => redis.disconnect()),
  )
