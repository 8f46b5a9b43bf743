import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import fs from "node:fs"
import path from "node:path"
import { openServerFolder } from "#compose/embedded/server/folder.ts"
import { startServer } from "#compose/embedded/server/process.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { isAlive } from "../another-process.ts"
import { temporaryFolder } from "../temporary-folder.ts"

/** A server that counts as ready at once; its folder is `server` in the data folder. */
const start = (dataDir: string, ...command: readonly [string, ...Array<string>]) =>
  Effect.flatMap(openServerFolder(path.join(dataDir, "server")), (folder) =>
    startServer({
      name: "The server",
      folder,
      command: () => command,
      pidFile: "pid",
      logFile: path.join(dataDir, "server.log"),
      url: (port) => `http://127.0.0.1:${port}`,
      untilReady: () => Effect.void,
    }))

/** A server that is a line of shell. */
const startShell = (dataDir: string, script: string) =>
  start(dataDir, "/bin/sh", "-c", `echo $$ >pid; ${script}`)

/** Waits in real time for the server to do something. */
const until = (condition: () => boolean) =>
  TestClock.withLive(
    Effect.sync(condition).pipe(
      Effect.delay("10 millis"),
      Effect.repeat({ until: (met) => met }),
      Effect.timeout(patienceMs),
    ),
  )

const pidOnceStarted = (dataDir: string) => {
  const pidFile = path.join(dataDir, "server", "pid")
  const read = () => fs.existsSync(pidFile) ? Number(fs.readFileSync(pidFile, "utf8")) : 0
  return Effect.map(until(() => read() > 0), read)
}

describe("startServer", () => {
  it.effect("kills a server that does not stop when told to", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const scope = yield* Scope.make()
      yield* Scope.provide(startShell(dataDir, "sleep 600 & sleep 600"), scope)
      const pid = yield* pidOnceStarted(dataDir)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(isAlive(pid))
      const time = TestClock.adjust("1 second").pipe(
        Effect.andThen(TestClock.withLive(Effect.sleep("10 millis"))),
        Effect.forever,
      )
      yield* Effect.raceFirst(Fiber.join(closing), time)
      yield* until(() => !isAlive(pid))
    }))

  it.effect("reports the end of the server with the last line of its log", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const { ended } = yield* startShell(dataDir, "echo one; echo two; exit 3")
      const { message } = yield* Effect.flip(ended)
      const log = path.join(dataDir, "server.log")
      assert.strictEqual(message, `The server ended (exit code 3): two; see ${log}`)
    }))

  it.effect("keeps the log of one earlier run", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      for (const word of ["one", "two", "three"]) {
        const { ended } = yield* startShell(dataDir, `echo ${word}`)
        yield* Effect.flip(ended)
      }
      const read = (name: string) => fs.readFileSync(path.join(dataDir, name), "utf8")
      assert.strictEqual(read("server.log"), "three\n")
      assert.strictEqual(read("server.log.previous"), "two\n")
    }))

  it.effect("says that a program cannot be started", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const { ended } = yield* start(dataDir, "/nothing/here")
      const { message } = yield* Effect.flip(ended)
      assert.match(message, /^The server ended \(exit code 127\): .*\/nothing\/here/)
    }))
})
