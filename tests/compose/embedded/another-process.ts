/**
 * Runs one of the scripts next to this file in a process of its own, in the runtime that runs the
 * tests, so that a test can kill it with -9. A script prints one line when it is ready.
 */
import { Effect } from "effect"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { patienceMs } from "#tests/support/patience.ts"

export interface AnotherProcess {
  readonly pid: number
  /** The line that the script printed. */
  readonly line: string
  /** Ends the process with SIGKILL; succeeds when it is gone. */
  readonly kill: Effect.Effect<void>
}

/** Succeeds when the script has printed its line; the scope kills it. */
export const runScript = (script: string, ...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const runtime = process.versions["deno"] ? ["run", "-A"] : []
      const file = fileURLToPath(new URL(script, import.meta.url))
      return spawn(process.execPath, [...runtime, file, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      })
    }),
    killed,
  ).pipe(
    Effect.flatMap((child) =>
      Effect.promise(async (): Promise<AnotherProcess> => {
        for await (const line of createInterface({ input: child.stdout })) {
          return { pid: child.pid ?? 0, line, kill: killed(child) }
        }
        throw new Error(`${script} printed nothing`)
      })
    ),
  )

const killed = (child: ChildProcess): Effect.Effect<void> =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, "exit")
    child.kill("SIGKILL")
    await exit
  })

/** Waits until there is no such process. */
export const untilGone = (pid: number): Effect.Effect<void> =>
  Effect.sync(() => isAlive(pid)).pipe(
    Effect.delay("20 millis"),
    Effect.repeat({ while: (alive) => alive }),
    Effect.timeout(patienceMs),
    Effect.orDie,
    Effect.asVoid,
  )

/** A process that has ended and waits for its parent to notice counts as gone. */
export const isAlive = (pid: number): boolean => {
  const state = psField("stat", pid)
  return state !== "" && !state.startsWith("Z")
}

/** One field that ps shows for a process; empty if there is no such process. */
export const psField = (field: string, pid: number): string =>
  spawnSync("ps", ["-o", `${field}=`, "-p", `${pid}`], { encoding: "utf8" }).stdout.trim()

/**
 * Kills a server's supervisor with -9, and not the server: then nothing stops the server when its
 * starter is gone. All are in the process group that the supervisor leads. Looks until nobody else
 * is left in it: a supervisor may have been starting its watcher.
 */
export const killSupervisor = (server: number): void => {
  const group = psField("pgid", server)
  const others = () => {
    const { stdout } = spawnSync("ps", ["-eo", "pid=,pgid=,stat="], { encoding: "utf8" })
    return stdout.trim().split("\n").flatMap((line) => {
      const [pid, pgid, state = ""] = line.trim().split(/\s+/)
      const isOther = pgid === group && Number(pid) !== server && !state.startsWith("Z")
      return isOther ? [Number(pid)] : []
    })
  }
  for (let left = others(); left.length > 0; left = others()) {
    for (const pid of left) kill(pid)
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {
    // It has ended meanwhile.
  }
}
