import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import fs from "node:fs"
import path from "node:path"
import createClient, { type Sql } from "postgres"
import { startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { openServerFolder, spawnIn } from "#compose/embedded/server/folder.ts"
import type { RunningServer } from "#compose/embedded/server/process.ts"
import { isAlive, killSupervisor, psField, runScript, untilGone } from "../another-process.ts"
import { temporaryFolder } from "../temporary-folder.ts"

const isRoot = process.getuid?.() === 0

const query = <A>(url: string, use: (sql: Sql) => Promise<A>) =>
  Effect.promise(() => {
    const sql = createClient(url, { max: 1, onnotice: () => {} })
    return use(sql).finally(() => sql.end())
  })

const keep = (url: string) =>
  query(url, async (sql) => {
    await sql`create table kept (value text)`
    await sql`insert into kept values ('this')`
  })

const kept = (url: string) => query(url, (sql) => sql`select value from kept`)

const pidOf = (dataDir: string): number =>
  Number.parseInt(fs.readFileSync(path.join(dataDir, "postgres", "postmaster.pid"), "utf8"), 10)

/** A server in a process of its own, which prints its URL. */
const startElsewhere = (dataDir: string) =>
  Effect.map(runScript("run-server.ts", dataDir, "postgres"), (script) => ({
    ...script,
    server: { url: script.line, pid: pidOf(dataDir) },
  }))

const start = (dataDir: string) =>
  Effect.map(Effect.orDie(startPostgres({ dataDir, durable: true })), (server) => ({
    ...server,
    pid: pidOf(dataDir),
  }))

/** Everything about a folder that a start could have changed. */
const picture = (folder: string) =>
  [".", ...fs.readdirSync(folder, { recursive: true, encoding: "utf8" })].sort().map((name) => {
    const { ctimeMs, mode, size, uid } = fs.statSync(path.join(folder, name))
    return { name, ctimeMs, mode, size, uid }
  })

describe("startPostgres", () => {
  it.live("creates the cluster on the first start, and has its data on the second", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(Effect.flatMap(start(dataDir), ({ url }) => keep(url)))
      const { url } = yield* start(dataDir)
      assert.deepStrictEqual([...yield* kept(url)], [{ value: "this" }])
    }))

  it.live("flushes commits to the disk only if it is durable", () =>
    Effect.gen(function* () {
      const fsync = ({ url }: RunningServer) => query(url, (sql) => sql`show fsync`)
      const dataDir = yield* temporaryFolder
      const safe = yield* Effect.scoped(Effect.flatMap(start(dataDir), fsync))
      const unsafe = yield* Effect.flatMap(startPostgres({ dataDir, durable: false }), fsync)
      assert.deepStrictEqual([safe[0]?.["fsync"], unsafe[0]?.["fsync"]], ["on", "off"])
    }))

  it.live("accepts nobody without the password, and listens on 127.0.0.1 only", () =>
    Effect.gen(function* () {
      const server = yield* start(yield* temporaryFolder)
      const url = new URL(server.url)
      url.password = "guess"
      const refusal = yield* query(url.href, (sql) => sql`select 1`.catch((cause) => cause.code))
      assert.strictEqual(refusal, "28P01")
      const [settings] = yield* query(
        server.url,
        (sql) =>
          sql`select current_setting('listen_addresses') as addresses,
          current_setting('unix_socket_directories') as sockets`,
      )
      assert.deepStrictEqual(settings, { addresses: "127.0.0.1", sockets: "" })
    }))

  it.live("is stopped by its scope, and not by the terminal's Ctrl-C", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const pid = yield* Effect.scoped(Effect.gen(function* () {
        const { pid } = yield* start(dataDir)
        assert.isTrue(isAlive(pid))
        assert.notStrictEqual(psField("pgid", pid), psField("pgid", process.pid))
        return pid
      }))
      assert.isFalse(isAlive(pid))
      const log = fs.readFileSync(path.join(dataDir, "postgres.log"), "utf8")
      assert.include(log, "database system is shut down")
    }))

  it.live("says that the server ended, and starts again with its data after a kill -9", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(Effect.gen(function* () {
        const { ended, pid, url } = yield* start(dataDir)
        yield* keep(url)
        process.kill(pid, "SIGKILL")
        const { message } = yield* Effect.flip(ended)
        assert.match(message, /^PostgreSQL ended \(exit code 137\).*postgres\.log$/)
      }))
      const { url } = yield* start(dataDir)
      assert.deepStrictEqual([...yield* kept(url)], [{ value: "this" }])
    }))

  it.live("does not outlive the process that started it, even one killed with -9", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const { kill, server } = yield* startElsewhere(dataDir)
      yield* keep(server.url)
      yield* kill
      yield* untilGone(server.pid)
      const { url } = yield* start(dataDir)
      assert.deepStrictEqual([...yield* kept(url)], [{ value: "this" }])
    }))

  it.live("takes over from a server that was left running", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const { kill, server } = yield* startElsewhere(dataDir)
      yield* keep(server.url)
      killSupervisor(server.pid)
      yield* kill
      assert.isTrue(isAlive(server.pid))
      const { url } = yield* start(dataDir)
      yield* untilGone(server.pid)
      assert.deepStrictEqual([...yield* kept(url)], [{ value: "this" }])
    }))

  it.live("starts although another program has its old process id", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(start(dataDir))
      const elsewhere = yield* openServerFolder(path.join(dataDir, "elsewhere"))
      const stdio = ["ignore", "ignore", "ignore"] as const
      const bystander = spawnIn(elsewhere, ["sleep", "600"], stdio)
      yield* Effect.addFinalizer(() => Effect.sync(() => bystander.kill()))
      const pidFile = path.join(dataDir, "postgres", "postmaster.pid")
      fs.writeFileSync(pidFile, `${bystander.pid}\n${dataDir}\n1\n1\n\n127.0.0.1\n`)
      const { url } = yield* start(dataDir)
      yield* query(url, (sql) => sql`select 1`)
      assert.isTrue(isAlive(bystander.pid ?? 0))
    }))

  it.live("creates the cluster again after an interrupted first start", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const half = path.join(dataDir, "postgres.new-abcdef")
      fs.mkdirSync(half)
      fs.writeFileSync(path.join(half, "PG_VERSION"), "18\n")
      yield* start(dataDir)
      assert.isFalse(fs.existsSync(half))
    }))

  it.live("refuses the data of another major version, and leaves it unchanged", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      const cluster = path.join(dataDir, "postgres")
      fs.mkdirSync(path.join(cluster, "base"), { recursive: true })
      fs.writeFileSync(path.join(cluster, "PG_VERSION"), "15\n")
      const before = picture(dataDir)
      const { message } = yield* Effect.flip(startPostgres({ dataDir, durable: true }))
      assert.match(message, /is of PostgreSQL 15, this is PostgreSQL \d+: move it away.*DATA_DIR/)
      assert.deepStrictEqual(picture(dataDir), before)
    }))

  it.live("refuses data whose password is missing, and leaves it unchanged", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(start(dataDir))
      fs.rmSync(path.join(dataDir, "secrets"), { recursive: true })
      const before = picture(dataDir)
      const { message } = yield* Effect.flip(startPostgres({ dataDir, durable: true }))
      assert.include(message, `put ${dataDir}/secrets/postgres-password back`)
      assert.deepStrictEqual(picture(dataDir), before)
    }))

  it.live("says that the data folder is not writable, and what to do", () =>
    Effect.gen(function* () {
      const dataDir = path.join(yield* temporaryFolder, "file")
      fs.writeFileSync(dataDir, "")
      const { message } = yield* Effect.flip(startPostgres({ dataDir, durable: true }))
      assert.include(message, `The data folder ${dataDir}`)
      assert.include(message, "set DATA_DIR to another folder")
      assert.notInclude(message, "\n")
    }))

  it.live("says why the server does not start, and where to read more", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryFolder
      yield* Effect.scoped(start(dataDir))
      fs.appendFileSync(path.join(dataDir, "postgres", "postgresql.conf"), "work_mem = much\n")
      const { message } = yield* Effect.flip(startPostgres({ dataDir, durable: true }))
      assert.include(message, "configuration file")
      assert.include(message, `see ${dataDir}/postgres.log`)
      assert.notInclude(message, "\n")
    }))

  it.live.runIf(isRoot)(
    "works, without root, below a folder that only root may enter",
    () =>
      Effect.gen(function* () {
        const closed = yield* temporaryFolder
        fs.chmodSync(closed, 0o700)
        const dataDir = path.join(closed, "checkout", ".data")
        yield* Effect.scoped(Effect.flatMap(start(dataDir), ({ url }) => keep(url)))
        const { pid, url } = yield* start(dataDir)
        assert.deepStrictEqual([...yield* kept(url)], [{ value: "this" }])
        assert.notStrictEqual(psField("uid", pid), "0")
      }),
  )
})
