/**
 * Failpoints that kill. The run arms a process with a failpoint and a number: at that hit the
 * process ends itself with SIGKILL, with nothing flushed and nothing closed.
 */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { Effect } from "effect"
import { type Failpoint, type FailpointName, failpoints } from "#shared/failpoint.ts"

/** The line that arms a process: it dies at the hit of this number, counted from now. */
export const armLine = (name: FailpointName, hit: number): string => `${hit} ${name}\n`

/** The line that disarms it. */
export const disarmLine = "0 none\n"

const lastWords = "Killed at the failpoint "

/** The failpoint at which the process with this output killed itself, if any. */
export const killedAt = (output: string): FailpointName | undefined =>
  failpoints.find((name) => output.includes(`${lastWords}${name}\n`))

/** Makes the failpoint, which the lines of the input arm. */
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
