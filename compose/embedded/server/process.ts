/**
 * A server that belongs to this run: it starts and stops with the scope, the terminal's Ctrl-C does
 * not reach it, and it does not outlive this process. A supervisor of a few lines of shell holds
 * one end of a pipe. When the other end closes, because we close it or have ended (even by kill
 * -9), it stops the server. If the supervisor was killed as well, the next start stops the leftover
 * server. On Windows neither exists: there the server is killed.
 */
import { Deferred, Effect, Option, Schedule, type Scope } from "effect"
import { type ChildProcess, spawnSync } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import { inDataFolder, StartError } from "../start-error.ts"
import { type Account, type ServerFolder, spawnIn } from "./folder.ts"

export interface Server {
  /** For messages: "PostgreSQL". */
  readonly name: string
  readonly folder: ServerFolder
  /** The file in its folder in which the server writes its process id. */
  readonly pidFile: string
  readonly logFile: string
  /** Of 127.0.0.1; a free port by default. */
  readonly port?: number | undefined
  readonly command: (port: number) => readonly [string, ...Array<string>]
  readonly url: (port: number) => string
  /** Succeeds when the server at this URL can be used. */
  readonly untilReady: (url: string) => Effect.Effect<void, StartError>
}

export interface RunningServer {
  readonly url: string
  /** Fails with StartError when the server ends by itself; never succeeds. */
  readonly ended: Effect.Effect<never, StartError>
}

// It repeats the signal every second: a server that has just started may miss it.
const supervisor = `
trap "" INT QUIT TERM
exec 4<&0 </dev/null
"$@" 4<&- &
server=$!
(read -r _ <&4; while kill -INT $server 2>/dev/null; do sleep 1; done) &
watcher=$!
wait $server
status=$?
kill -KILL $watcher 2>/dev/null
exit $status`

/**
 * Starts the server, and succeeds when it can be used; the scope stops it. Its output goes to the
 * log file; the previous run's log is kept. Tries up to four times within two minutes: another
 * program may take the free port first, and the resources of a killed server take a moment to be
 * released. Fails with StartError.
 */
export const startServer = (
  server: Server,
): Effect.Effect<RunningServer, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const port = server.port ?? (yield* freePort)
    const ended = yield* launch(server, server.command(port))
    const url = server.url(port)
    yield* Effect.raceFirst(server.untilReady(url), ended)
    return { url, ended }
  }).pipe(
    Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 3 }),
    Effect.timeoutOrElse({
      duration: "2 minutes",
      orElse: () =>
        new StartError({
          message: `${server.name} accepts no connections; see ${server.logFile}`,
        }),
    }),
  )

/** A TCP port of 127.0.0.1 that was free a moment ago. */
const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const listener = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = listener.address() as net.AddressInfo
    listener.close(() => resume(Effect.succeed(port)))
  })
})

/**
 * Launches the server after it has stopped one that a killed run left in the folder. Fails with
 * StartError when the leftover server cannot be stopped.
 */
const launch = (
  server: Server,
  command: ReturnType<Server["command"]>,
): Effect.Effect<RunningServer["ended"], StartError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* stopLeftover(server)
    const ended = yield* Deferred.make<string>()
    yield* Effect.acquireRelease(
      inDataFolder(path.dirname(server.logFile), () => spawnLogged(server, command, ended)),
      (child) => Effect.andThen(stop(child, ended), Effect.ignore(stopLeftover(server))),
    )
    return Effect.flatMap(Deferred.await(ended), (how) =>
      new StartError({
        message: `${server.name} ended (${how}): ${
          lastWords(server.logFile)
        }; see ${server.logFile}`,
      }))
  })

const spawnLogged = (
  { folder, logFile }: Server,
  command: ReturnType<Server["command"]>,
  ended: Deferred.Deferred<string>,
): ChildProcess => {
  if (fs.existsSync(logFile)) fs.renameSync(logFile, `${logFile}.previous`)
  const log = fs.openSync(logFile, "a", 0o600)
  const supervised = process.platform === "win32"
    ? command
    : ["/bin/sh", "-c", supervisor, "supervisor", ...command] as const
  const child = spawnIn(folder, supervised, ["pipe", log, log])
  fs.closeSync(log)
  const end = (how: string) => Deferred.doneUnsafe(ended, Effect.succeed(how))
  child.once("error", (error) => end(error.message))
  child.once("exit", (code, signal) => end(signal ?? `exit code ${code}`))
  return child
}

const stop = (child: ChildProcess, ended: Deferred.Deferred<string>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const group = child.pid === undefined ? undefined : -child.pid
    const ask = () => process.platform === "win32" ? child.kill() : child.stdin?.end()
    const insist = () => group && signalProcess(group, "SIGQUIT")
    const force = () => group && signalProcess(group, "SIGKILL")
    for (const act of [ask, insist, force]) {
      act()
      const done = yield* Effect.timeoutOption(Deferred.await(ended), "10 seconds")
      if (Option.isSome(done)) return
    }
  })

/**
 * Ends the server that the pid file names if it runs in our folder. If another program has that id
 * now, it is left alone, and the file is removed, since it would keep PostgreSQL from starting.
 */
const stopLeftover = (server: Server): Effect.Effect<void, StartError> =>
  Effect.gen(function* () {
    if (process.platform === "win32") return // The servers' own checks have to suffice.
    const { account, path: folder } = server.folder
    const pidFile = path.join(folder, server.pidFile)
    const pid = readPid(pidFile)
    if (pid === undefined || !isAlive(pid)) return
    const ours = fs.realpathSync(folder)
    const isLeft = Effect.sync(() => workingFolder(pid, account) === ours)
    if (!(yield* isLeft)) return yield* inDataFolder(folder, () => fs.rmSync(pidFile))
    for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
      signalProcess(pid, signal)
      const gone = yield* isLeft.pipe(
        Effect.delay("50 millis"),
        Effect.repeat({ while: (left) => left }),
        Effect.timeoutOption("10 seconds"),
      )
      if (Option.isSome(gone)) return
    }
    return yield* new StartError({
      message:
        `${server.name} of an earlier run (process ${pid}) does not stop: end it, then start again`,
    })
  })

/** The process id in the first line of a pid file, if there is one. */
export const readPid = (pidFile: string): number | undefined => {
  if (!fs.existsSync(pidFile)) return undefined
  const pid = Number.parseInt(fs.readFileSync(pidFile, "utf8"), 10)
  return pid > 0 ? pid : undefined
}

const signalProcess = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, signal)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM"
  }
}

const isAlive = (pid: number): boolean => signalProcess(pid, 0)

/**
 * Runs as the server's account: in a container, not even root may inspect another account's
 * process.
 */
const workingFolder = (pid: number, account: Account | undefined): string | undefined => {
  const [command, ...args] = process.platform === "darwin"
    ? ["lsof", "-a", "-d", "cwd", "-Fn", "-p", `${pid}`] as const
    : ["readlink", `/proc/${pid}/cwd`] as const
  const { stdout } = spawnSync(command, args, { ...account, cwd: "/", encoding: "utf8" })
  return stdout?.trim().split("\n").at(-1)?.replace(/^n/, "")
}

/** The log line that says why the server ended. */
const lastWords = (logFile: string): string => {
  const lines = fs.readFileSync(logFile, "utf8").trim().split("\n")
  const last = lines.findLast((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? ""
  return last.replace(/^.*(FATAL|PANIC): */, "").trim()
}
