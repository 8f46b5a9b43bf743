/** The progress of a run, on standard error: standard output has the tables alone. */
import { Effect } from "effect"

const { stderr } = process
const clear = stderr.isTTY ? "\r\x1b[K" : ""
const under = new Map<string, number>()

/** Prints a line that stays. */
export const tell = (text: string): Effect.Effect<void> =>
  Effect.sync(() => void stderr.write(`${clear}${text}\n`))

/** On a terminal, shows the current seed of each hunt in the last line. */
export const progress = (name: string) => (seed: number | undefined): void => {
  if (!stderr.isTTY) return
  if (seed === undefined) under.delete(name)
  else under.set(name, seed)
  const line = [...under].map(([name, seed]) => `${name}: seed ${seed}`).join(", ")
  stderr.write(`${clear}${line.slice(0, stderr.columns - 1)}`)
}
