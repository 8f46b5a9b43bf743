/** Has the participant killed and started again, by the command that the person gave for it. */
import { spawn } from "node:child_process"
import { setTimeout as pause } from "node:timers/promises"
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
  command: () =>
    new Promise((resolve, reject) => {
      // What it says is nothing that the kit reports. In a session of its own, so that a Ctrl-C for the kit does not end what it
      // has started; and only its end counts, as what it has started keeps its outputs open.
      const child = spawn(command, { shell: true, detached: true, stdio: ["ignore", 2, 2] })
      child.once("error", (error) => reject(failed(error.message)))
      child.once("exit", (code, signal) => {
        if (code === 0) resolve()
        else reject(failed(signal ?? `exit code ${code}`))
      })
    }),
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
      `After --restart it was not ready within ${readyWithinMs / 1000} s, and at last ${last}: ` +
        "the command has to start the participant again, at the same address",
    )
  },
})

const failed = (how: string) =>
  new Stopped(
    `The command of --restart failed (${how}): it has to kill the participant, start it again, and end`,
  )
