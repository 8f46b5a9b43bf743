/**
 * Self times from a CPU profile: the time of each function, without the functions that it called.
 */
import { relative } from "node:path"
import { fileURLToPath } from "node:url"
import { root } from "../stand/program.ts"

/** The part of V8's format that is read here. */
export interface CpuProfile {
  readonly nodes: ReadonlyArray<{
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      readonly lineNumber: number
    }
  }>
  readonly samples: ReadonlyArray<number>
  /** Microseconds from each sample to the next. */
  readonly timeDeltas: ReadonlyArray<number>
}

export interface SelfTime {
  readonly name: string
  readonly place: string
  readonly micros: number
}

export interface SelfTimes {
  readonly busyMicros: number
  readonly idleMicros: number
  readonly gcMicros: number
  /** The longest first. */
  readonly functions: ReadonlyArray<SelfTime>
}

export const selfTimes = ({ nodes, samples, timeDeltas }: CpuProfile): SelfTimes => {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const found = new Map<string, { name: string; place: string; micros: number }>()
  samples.forEach((id, n) => {
    const frame = frames.get(id)!
    const name = frame.functionName || "(anonymous)"
    const place = placeOf(frame)
    const key = `${name} ${place}`
    const entry = found.get(key) ?? { name, place, micros: 0 }
    entry.micros += Math.max(0, timeDeltas[n] ?? 0)
    found.set(key, entry)
  })
  const of = (name: string) => found.get(`${name} `)?.micros ?? 0
  // The profile includes its own start.
  const functions = [...found.values()]
    .filter(({ name, place }) => name !== "(idle)" && !place.startsWith("node:inspector"))
    .sort((a, b) => b.micros - a.micros)
  return {
    busyMicros: functions.reduce((sum, { micros }) => sum + micros, 0),
    idleMicros: of("(idle)"),
    gcMicros: of("(garbage collector)"),
    functions,
  }
}

/** A place that is short enough for a table: within the project, a package, or Node. */
const placeOf = ({ url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string => {
  if (url === "") return ""
  const path = url.startsWith("file:") ? relative(root, fileURLToPath(url)) : url
  return `${path.replace(/^.*node_modules\//, "")}:${lineNumber + 1}`
}
