import { afterEach, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Redis } from "ioredis"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { redisOnPath, startRedis } from "#compose/embedded/redis.ts"
import { obtainRedis } from "#tests/support/redis.ts"
import { isAlive, killSupervisor, runScript, untilGone } from "./another-process.ts"
import { temporaryFolder } from "./temporary-folder.ts"

const onPath = await obtainRedis() !== "docker"
if (!onPath) {
  console.log("startRedis was NOT tried: it needs a redis-server on the PATH, not in Docker")
}

const ask = <A>(url: string, use: (redis: Redis) => Promise<A>) =>
  Effect.promise(() => {
    const redis = new Redis(url).on("error", () => {})
    return use(redis).finally(() => redis.disconnect())
  })

const start = (dataDir: string) =>
  Effect.suspend(() => startRedis({ program: redisOnPath()!, dataDir }))

const pidOf = (dataDir: string): number =>
  Number(fs.readFileSync(path.join(dataDir, "redis", "redis.pid"), "utf8"))

const startElsewhere = (dataDir: string) =>
  Effect.map(runScript("run-server.ts", dataDir, "redis"), (script) => ({
    ...script,
    url: script.line,
    server: pidOf(dataDir),
  }))

describe.runIf(onPath)("startRedis", () => {
  it.live("has its data again on the next start", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(
        Effect.flatMap(start(dataDir), ({ url }) =>
          ask(url, (redis) => redis.xadd("stream", "*", "order", "1"))),
      )
      const { url } = yield* start(dataDir)
      assert.strictEqual(
        yield* ask(url, (redis) =>
          redis.xlen("stream")),
        1,
      )
    }))

  it.live("accepts nobody without the password, which no command line shows", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const { url } = yield* start(dataDir)
      const { host, password } = new URL(url)
      const answer = yield* ask(
        `redis://${host}`,
        (redis) => redis.ping().catch((cause: Error) => cause.message),
      )
      assert.include(answer, "NOAUTH")
      const { stdout } = spawnSync("ps", ["-eo", "args"], { encoding: "utf8" })
      assert.include(stdout, "redis")
      assert.notInclude(stdout, password)
      const { mode } = fs.statSync(path.join(dataDir, "redis", "redis.conf"))
      assert.strictEqual(mode & 0o777, 0o600)
    }))

  it.live("is stopped by its scope", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const pid = yield* Effect.scoped(Effect.map(start(dataDir), () => pidOf(dataDir)))
      assert.isFalse(isAlive(pid))
      assert.include(fs.readFileSync(path.join(dataDir, "redis.log"), "utf8"), "ready to exit")
    }))

  it.live("says that the server ended", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const { ended } = yield* start(dataDir)
      process.kill(pidOf(dataDir), "SIGKILL")
      const { message } = yield* Effect.flip(ended)
      assert.match(message, /^Redis ended \(exit code 137\).*redis\.log$/)
    }))

  it.live("does not outlive the process that started it, even one killed with -9", () =>
    Effect.gen(function* () {
      const { kill, server } = yield* startElsewhere(yield* temporaryFolder)
      yield* kill
      yield* untilGone(server)
    }))

  it.live("takes over from a server that was left running", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const { kill, server, url: before } = yield* startElsewhere(dataDir)
      yield* ask(before, (redis) => redis.set("kept", "this"))
      killSupervisor(server)
      yield* kill
      assert.isTrue(isAlive(server))
      const { url } = yield* start(dataDir)
      yield* untilGone(server)
      assert.strictEqual(yield* ask(url, (redis) => redis.get("kept")), "this")
    }))

  it.live("says why the server does not start, and that its folder may be removed", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(start(dataDir))
      const log = path.join(dataDir, "redis", "appendonlydir")
      for (const name of fs.readdirSync(log)) fs.writeFileSync(path.join(log, name), "nonsense")
      const { message } = yield* Effect.flip(start(dataDir))
      assert.include(message, `remove ${dataDir}/redis to start over`)
      assert.notInclude(message, "\n")
    }))
})

describe("redisOnPath", () => {
  const before = process.env["PATH"]
  afterEach(() => {
    process.env["PATH"] = before
  })

  it.live("finds no server on a PATH that has none", () =>
    Effect.gen(function* () {
      process.env["PATH"] = yield* temporaryFolder
      assert.isUndefined(redisOnPath())
    }))

  it.live("does not take a server that is too old", () =>
    Effect.gen(function* () {
      const folder = process.env["PATH"] = yield* temporaryFolder
      const old = path.join(folder, "redis-server")
      fs.writeFileSync(old, "#!/bin/sh\necho 'Redis server v=6.0.16 sha=0'\n", { mode: 0o755 })
      assert.isUndefined(redisOnPath())
    }))
})
