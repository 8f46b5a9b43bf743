/**
 * One replica of a service: a process that can be killed, stopped and armed, and started again with
 * the same ports.
 */
import { Clock, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, existsSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { FailpointName } from "#shared/failpoint.ts"
import type { ServiceName } from "#shared/roster.ts"
import type { Ports } from "#tests/support/service-process.ts"
import { armLine, disarmLine, killedAt } from "./armed-failpoint.ts"
import type { Guard } from "./guard.ts"

const root = join(import.meta.dirname, "../../..")
const command = "Deno" in globalThis ? ["run", "-A"] : []

export interface ReplicaOptions {
  readonly name: string
  readonly service: ServiceName
  readonly ports: Ports
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly logFile: string
  readonly guard: Guard
  /** Called when the process ends and nobody here has caused it. */
  readonly endedByItself: (how: string) => void
}

export interface Replica {
  readonly name: string
  readonly service: ServiceName
  /**
   * Starts the process unless it runs. Succeeds with true when it is ready, and with false if it is
   * not ready within 30 seconds.
   */
  readonly start: Effect.Effect<boolean>
  readonly isReady: Effect.Effect<boolean>
  /** Ends it with SIGKILL. Succeeds when it is gone. */
  readonly kill: Effect.Effect<void>
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** Lets it kill itself at the hit of this number. */
  readonly arm: (failpoint: FailpointName, hit: number) => Effect.Effect<void>
  readonly disarm: Effect.Effect<void>
  /**
   * Succeeds when the current process ends: with the failpoint at which it killed itself, or with
   * undefined.
   */
  readonly ended: Effect.Effect<FailpointName | undefined>
  /** The output of all its processes. */
  readonly log: () => string
}

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<FailpointName | undefined>
  killed: boolean
}

const readyWithinMs = 30_000

/** A replica that does not run yet; the scope kills it. */
export const makeReplica = (options: ReplicaOptions): Effect.Effect<Replica, never, Scope.Scope> =>
  Effect.gen(function* () {
    let running: Running | undefined
    const isReady = Effect.promise(() => answersReady(options.ports.internal))
    const launchAndFollow = () => {
      const started = running = launch(options)
      void started.ended.then(() => {
        if (running === started) running = undefined
      })
    }
    const start = Effect.gen(function* () {
      const giveUpAtMs = (yield* Clock.currentTimeMillis) + readyWithinMs
      while ((yield* Clock.currentTimeMillis) < giveUpAtMs) {
        if (running === undefined) launchAndFollow()
        if (yield* isReady) return true
        yield* Effect.sleep("100 millis")
      }
      return false
    })
    const signal = (name: NodeJS.Signals) =>
      // Not by the handle: with it, Deno reports the signal as the exit, even if the child handles
      // it.
      Effect.sync(() => running?.child.pid && process.kill(running.child.pid, name))
    const kill = Effect.promise(async () => {
      const victim = running
      if (victim?.child.pid === undefined) return
      victim.killed = true
      process.kill(victim.child.pid, "SIGKILL")
      await victim.ended
    })
    const say = (line: string) => Effect.sync(() => void running?.child.stdin?.write(line))
    yield* Effect.addFinalizer(() => kill)
    return {
      name: options.name,
      service: options.service,
      start,
      isReady,
      kill,
      pause: signal("SIGSTOP"),
      resume: signal("SIGCONT"),
      arm: (failpoint, hit) => say(armLine(failpoint, hit)),
      disarm: say(disarmLine),
      ended: Effect.promise(() => running?.ended ?? Promise.resolve(undefined)),
      log: () => existsSync(options.logFile) ? readFileSync(options.logFile, "utf8") : "",
    }
  })

const launch = ({ service, environment, logFile, guard, endedByItself }: ReplicaOptions) => {
  const log = openSync(logFile, "a")
  const begin = readFileSync(logFile).length
  const child = spawn(
    process.execPath,
    [...command, join(import.meta.dirname, "process.ts"), service],
    { cwd: root, env: environment, detached: true, stdio: ["pipe", log, log] },
  )
  closeSync(log)
  guard.watch(child.pid!)
  // It may be gone when a line is sent to it.
  child.stdin?.on("error", () => {})
  const ended = once(child, "exit").then(([code, signal]) => {
    guard.forget(child.pid!)
    const failpoint = killedAt(readFileSync(logFile).subarray(begin).toString())
    if (failpoint === undefined && !running.killed) {
      endedByItself(`${signal ?? `exit code ${code}`}`)
    }
    return failpoint
  })
  const running: Running = { child, ended, killed: false }
  return running
}

const answersReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status === 200
    },
    () => false,
  )
