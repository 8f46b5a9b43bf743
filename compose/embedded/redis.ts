/**
 * The embedded run's own Redis, if the machine has one: `redis-server` or `valkey-server` from
 * PATH, on 127.0.0.1, with a free port and a password made for this start. It keeps its streams in
 * an append-only file below the data folder. Redis is a cache, not the record, so that folder may
 * be removed between two runs and no order is lost.
 */
import { Effect, type Scope } from "effect"
import { Redis } from "ioredis"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { openServerFolder, ownPath, serverEnvironment, type ServerFolder } from "./server/folder.ts"
import { type RunningServer, startServer } from "./server/process.ts"
import { inDataFolder, StartError } from "./start-error.ts"

export interface RedisOptions {
  /** From redisOnPath. */
  readonly program: string
  readonly dataDir: string
  /** The address of an earlier start, to use again. */
  readonly urlBefore?: URL | undefined
}

/** Older versions answer the order queue's commands differently, or do not know them. */
const oldestMajor = 7
const settingsFile = "redis.conf"
const pidFile = "redis.pid"

/**
 * Starts the server, and succeeds when it accepts commands; the scope stops it. Fails with
 * StartError.
 */
export const startRedis = (
  { program, urlBefore, ...options }: RedisOptions,
): Effect.Effect<RunningServer, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const dataDir = path.resolve(options.dataDir)
    const folder = yield* openServerFolder(path.join(dataDir, "redis"))
    const password = urlBefore?.password ?? randomBytes(24).toString("base64url")
    yield* writeSettings(folder, password)
    return yield* startServer({
      name: "Redis",
      folder,
      pidFile,
      logFile: path.join(dataDir, "redis.log"),
      port: urlBefore && Number(urlBefore.port),
      command: (port) => [program, path.join(ownPath(folder), settingsFile), "--port", `${port}`],
      url: (port) => `redis://:${password}@127.0.0.1:${port}`,
      untilReady,
    })
  }).pipe(
    Effect.mapError(({ message }) =>
      new StartError({
        message: `${message} (it holds no record: remove ${options.dataDir}/redis to start over)`,
      })
    ),
  )

/** The program for startRedis, if PATH has one that is recent enough. */
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
  password: string,
): Effect.Effect<void, StartError> =>
  inDataFolder(folder, () => {
    const settings = [
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
