/**
 * Debian's pgbouncer in front of a PostgreSQL server, with its defaults except where it listens and
 * how it pools.
 */
import { Effect, type Scope } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { chownSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { serverAccount } from "#compose/embedded/server/folder.ts"
import { freePort } from "#tests/support/free-port.ts"
import { temporaryFolder, until } from "./open-database.ts"

export const hasPgbouncer = spawnSync("pgbouncer", ["--version"]).status === 0

/** Ends with its scope, and with this process, however this process ends. */
const supervised = 'pgbouncer -q "$1" & read -r _; kill "$!"; wait'

/**
 * The database's URL by way of the pooler. Settings are lines of its section [pgbouncer], for
 * example "pool_mode = session", which is the default.
 */
export const startPgbouncer = (
  databaseUrl: string,
  ...settings: ReadonlyArray<string>
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const url = new URL(databaseUrl)
    const port = yield* Effect.promise(freePort)
    const folder = yield* temporaryFolder
    // Like PostgreSQL, it refuses to run as root.
    const account = yield* Effect.orDie(serverAccount(folder))
    const file = (name: string, ...lines: ReadonlyArray<string>) => {
      const path = join(folder, name)
      writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 })
      if (account) chownSync(path, account.uid, account.gid)
      return path
    }
    if (account) chownSync(folder, account.uid, account.gid)
    const users = file("users.txt", `"${url.username}" "${decodeURIComponent(url.password)}"`)
    const ini = file(
      "pgbouncer.ini",
      "[databases]",
      `* = host=${url.hostname} port=${url.port}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${port}`,
      "unix_socket_dir =",
      "auth_type = md5",
      `auth_file = ${users}`,
      ...settings,
    )
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn("sh", ["-c", supervised, "pgbouncer", ini], {
          ...account,
          stdio: ["pipe", "ignore", "ignore"],
        })
      ),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.stdin?.end()
        }),
    )
    yield* until("pgbouncer to listen", () =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => resolve((socket.destroy(), true)))
        socket.once("error", () => resolve(false))
      }))
    url.hostname = "127.0.0.1"
    url.port = String(port)
    return url.href
  })
