/**
 * Where a run tells how it goes: beside its results, so that tables can be taken from the standard
 * output alone.
 */
import { Effect } from "effect"

const { stderr } = process
const clear = stderr.isTTY ? "\r\x1b[K" : ""
const under = new Map<string, number>()

/** Says something for good. */
export const tell = (text: string): Effect.Effect<void> =>
  Effect.sync(() => void stderr.write(`${clear}${text}\n`))

/** On a terminal the last line shows which seed each hunt has come to. */
export const progress = (name: string) => (seed: number | undefined): void => {
  if (!stderr.isTTY) return
  if (seed === undefined) under.delete(name)
  else under.set(name, seed)
  const line = [...under].map(([name, seed]) => `${name}: seed ${seed}`).join(", ")
  stderr.write(`${clear}${line.slice(0, stderr.columns - 1)}`)
}
