/** Kills the participant and starts it again, by the command that the person gave. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { printable } from "#shared/command/printable.ts"
import { Stopped } from "./check.ts"
import { Unanswered, type Wire } from "./wire.ts"

export interface Restart {
  /** Runs the command; resolves when it has ended. Rejects with Stopped. */
  readonly command: () => Promise<void>
  /** Resolves when the participant is ready. Rejects with Stopped. */
  readonly ready: () => Promise<void>
}

export interface RestartOptions {
  readonly command: string
  readonly readyWithinMs: number
}

export const makeRestart = (
  wire: Wire,
  { command, readyWithinMs }: RestartOptions,
): Restart => ({
  command: async () => {
    // Only the end of the output is reported, after a failure. The output goes to a file, not to
    // the kit's own outputs: what the command has started keeps its outputs open, and a reader of
    // the kit's output would wait for it to end.
    const file = join(tmpdir(), `unwind-restart-${crypto.randomUUID()}`)
    const output = openSync(file, "w")
    try {
      // In a session of its own, so that Ctrl-C for the kit does not end what the command has
      // started.
      const stdio = ["ignore", output, output] as const
      const child = spawn(command, { shell: true, detached: true, stdio: [...stdio] })
      // A shell that cannot be started emits an error, and no exit.
      const [code, signal] = await once(child, "exit") as [number | null, string | null]
      if (code === 0) return
      const said = printable(readFileSync(file, "utf8").trim().slice(-200))
      throw failed(`${signal ?? `exit code ${code}`}${said === "" ? "" : `: ${said}`}`)
    } catch (error) {
      throw error instanceof Stopped ? error : failed((error as Error).message)
    } finally {
      closeSync(output)
      rmSync(file, { force: true })
    }
  },
  ready: async () => {
    const deadline = Date.now() + readyWithinMs
    let last = ""
    while (Date.now() < deadline) {
      const answer = await wire.send({ method: "GET", path: "/readyz", token: null })
        .catch((error: Error) => error)
      if (answer instanceof Unanswered && answer.kind === "aborted") throw answer
      if (!(answer instanceof Error) && answer.status === 200) return
      last = answer instanceof Error ? answer.message : `answered ${answer.status}`
      await pause(25)
    }
    throw new Stopped(
      `After --restart it was not ready within ${readyWithinMs / 1000} s (at last, it ${last}): ` +
        "the command has to start the participant again, at the same address",
    )
  },
})

const failed = (how: string) =>
  new Stopped(
    `The command of --restart failed (${how}): it has to kill the participant, start it again, and exit`,
  )
