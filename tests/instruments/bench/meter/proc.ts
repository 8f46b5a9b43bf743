/**
 * Figures of processes and of the machine, from Linux's /proc: time, memory, and syncs of the disk.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"

/** The unit of time in /proc, on every Linux that Node runs on. */
const tickMs = 10

export interface Stat {
  readonly pid: number
  readonly parent: number
  readonly ownMs: number
  /** The time of children that have ended. */
  readonly endedMs: number
}

/**
 * The process's name may have spaces and brackets, so the fields are read from the last bracket on.
 */
const readStat = (pid: number): Stat | undefined => {
  const text = contentOf(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number)
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15)
  return {
    pid,
    parent: fields[1] ?? 0,
    ownMs: tickMs * (user + system),
    endedMs: tickMs * (endedUser + endedSystem),
  }
}

/** Undefined if the file is gone, or may not be read. */
const contentOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** Each given process with all its descendants, by its id. */
export const treesOf = (roots: ReadonlyArray<number>): ReadonlyMap<number, ReadonlyArray<Stat>> => {
  const stats = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name))).filter((stat) => stat !== undefined)
  const below = (pid: number): ReadonlyArray<Stat> =>
    stats.filter(({ parent }) => parent === pid).flatMap((stat) => [stat, ...below(stat.pid)])
  return new Map(roots.map((root) => [
    root,
    [...stats.filter(({ pid }) => pid === root), ...below(root)],
  ]))
}

/** Since the machine started: the time that all processes used, and that the host took away. */
export const machineMs = (): { readonly busyMs: number; readonly stolenMs: number } => {
  const line = contentOf("/proc/stat")?.split("\n")[0] ?? ""
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, stolen = 0] = line
    .split(/\s+/).slice(1).map(Number)
  return { busyMs: tickMs * (user + nice + system + irq + softIrq), stolenMs: tickMs * stolen }
}

/** Begins a new peak of the process's memory. */
export const forgetPeak = (pid: number): void => {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5")
  } catch {
    // Not allowed: the peak counts from the start of the process.
  }
}

/**
 * The most memory of a process tree, in MiB: the first process's peak, the other processes' own
 * memory, and their shared memory once.
 */
export const memoryMiB = ([first, ...others]: ReadonlyArray<Stat>): number => {
  if (first === undefined) return 0
  const own = others.reduce((sum, { pid }) => sum + statusKiB(pid, "RssAnon"), 0)
  const shared = Math.max(0, ...others.map(({ pid }) => statusKiB(pid, "RssShmem")))
  return (statusKiB(first.pid, "VmHWM") + own + shared) / 1024
}

const statusKiB = (pid: number, name: string): number =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(contentOf(`/proc/${pid}/status`) ?? "")?.[1] ?? 0,
  )

/** How often the device of a folder was flushed; undefined if that is not known. */
export const deviceFlushes = (folder: string): number | undefined => {
  const { dev } = statSync(folder)
  const [major, minor] = [dev >> 8 & 0xfff, dev & 0xff | dev >> 12 & 0xfff00]
  const line = contentOf("/proc/diskstats")?.split("\n").find((line) => {
    const [a, b] = line.trim().split(/\s+/)
    return a === `${major}` && b === `${minor}`
  })
  const flushes = line?.trim().split(/\s+/)[18]
  return flushes === undefined ? undefined : Number(flushes)
}
