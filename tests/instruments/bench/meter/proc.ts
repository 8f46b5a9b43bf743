/**
 * What Linux tells of processes and of the machine, from /proc: time, memory, and syncs of the
 * disk.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"

/** What /proc counts time in, on every Linux that Node runs on. */
const tickMs = 10

export interface Stat {
  readonly pid: number
  readonly parent: number
  readonly ownMs: number
  /** What children took that have ended. */
  readonly endedMs: number
}

/**
 * The name may hold spaces and brackets, so what comes after it is read from the last bracket on.
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

/** Gone, or not ours to see. */
const contentOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** The processes that the given ones have started, and those themselves; by the given ones. */
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

/** Since the machine started: what all processes used, and what a host took away. */
export const machineMs = (): { readonly busyMs: number; readonly stolenMs: number } => {
  const line = contentOf("/proc/stat")?.split("\n")[0] ?? ""
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, stolen = 0] = line
    .split(/\s+/).slice(1).map(Number)
  return { busyMs: tickMs * (user + nice + system + irq + softIrq), stolenMs: tickMs * stolen }
}

/** From now on the peak is a new one. */
export const forgetPeak = (pid: number): void => {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5")
  } catch {
    // Not allowed: then it is the peak since the process began.
  }
}

/**
 * The most memory of a process tree, in MiB: of the first process its peak, of others what they
 * have of their own, and what they share once.
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

/**
 * How often the device below a folder was told to put on the disk what it has; undefined where that
 * cannot be known.
 */
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
