/**
 * Failpoints that kill: a process under chaos ends itself with -9, nothing flushed and nothing
 * closed, when it comes to the failpoint that the run has named to it for the so-and-so-many-th
 * time.
 */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { type Failpoint, type FailpointName, failpoints } from "#shared/failpoint.ts"

/** The line that arms a process: it dies at the hit of that number, counted from now. */
export const armLine = (name: FailpointName, hit: number): string => `${hit} ${name}\n`

/** The line that takes it back. */
export const disarmLine = "0 none\n"

const lastWords = "Killed at the failpoint "

/** Where the process with this output killed itself, if it did. */
export const killedAt = (output: string): FailpointName | undefined =>
  failpoints.find((name) => output.includes(`${lastWords}${name}\n`))

/** Reads from the input what to die at. */
export const armedFailpoint = (
  input: NodeJS.ReadableStream,
): ReturnType<typeof Failpoint["of"]> => {
  let armed = "none"
  let hitsLeft = 0
  createInterface({ input }).on("line", (line) => {
    const [, hit, name = "none"] = /^(\d+) (.+)$/.exec(line) ?? []
    hitsLeft = Number(hit)
    armed = name
  })
  return (name) =>
    Effect.sync(() => {
      if (name !== armed || --hitsLeft > 0) return
      armed = "none"
      writeSync(2, `${lastWords}${name}\n`)
      process.kill(process.pid, "SIGKILL")
    })
}
