/**
 * The costs of a run: processor time by process, memory, transactions and syncs, and what other
 * programs took meanwhile.
 */
import type { Databases } from "../stand/databases.ts"
import { deviceFlushes, forgetPeak, machineMs, memoryMiB, type Stat, treesOf } from "./proc.ts"

export interface Metered {
  readonly name: string
  readonly pid: number
  /** Without its child processes. */
  readonly alone?: boolean
}

/** The costs of one window of time. */
export interface Costs {
  readonly seconds: number
  /** By the name of the process. */
  readonly cpuMs: ReadonlyMap<string, number>
  readonly memoryMiB: ReadonlyMap<string, number>
  /** Transactions that wrote something. */
  readonly commits: number
  readonly walBytes: number
  /** Undefined if the device does not tell. */
  readonly flushes: number | undefined
  /** How many processors our processes kept busy. */
  readonly coresBusy: number
  /** How many processors other programs kept busy, or the host took away. */
  readonly othersCores: number
}

export interface Meter {
  /** Ends the window. */
  readonly stop: () => Promise<Costs>
}

export interface MeterOptions {
  readonly databases: Databases
  /** The folder of the databases. */
  readonly folder: string
  /**
   * Called at the start and at the end: a process that came meanwhile counts, one that ended does
   * not.
   */
  readonly processes: () => ReadonlyArray<Metered>
}

/** Begins a window. The queries to PostgreSQL are outside of it. */
export const startMeter = async (options: MeterOptions): Promise<Meter> => {
  const { databases, folder, processes } = options
  const written = await writtenIn(databases)
  processes().forEach(({ pid }) => forgetPeak(pid))
  const before = read(options)
  return {
    stop: async () => {
      const after = read(options)
      const flushed = deviceFlushes(folder)
      const { commits, walBytes } = await writtenIn(databases)
      const ms = after.atMs - before.atMs
      const spent = (name: string) => (after.cpuMs.get(name) ?? 0) - (before.cpuMs.get(name) ?? 0)
      const cpuMs = new Map([...after.cpuMs.keys()].map((name) => [name, spent(name)]))
      const oursMs = [...cpuMs.values()].reduce((sum, value) => sum + value, 0)
      const allMs = after.busyMs - before.busyMs + after.stolenMs - before.stolenMs
      return {
        seconds: ms / 1000,
        cpuMs,
        memoryMiB: after.memoryMiB,
        commits: commits - written.commits,
        walBytes: walBytes - written.walBytes,
        flushes: flushed === undefined ? undefined : flushed - (before.flushes ?? 0),
        coresBusy: oursMs / ms,
        othersCores: Math.max(0, allMs - oursMs) / ms,
      }
    },
  }
}

const read = ({ folder, ...options }: MeterOptions) => {
  const processes = options.processes()
  const trees = treesOf(processes.map(({ pid }) => pid))
  const by = (value: (tree: ReadonlyArray<Stat>, alone: boolean) => number) =>
    new Map(processes.map(({ name, pid, alone = false }) => {
      const tree = trees.get(pid) ?? []
      return [name, value(alone ? tree.slice(0, 1) : tree, alone)]
    }))
  const timeOf = (tree: ReadonlyArray<Stat>, alone: boolean) =>
    tree.reduce((sum, { ownMs, endedMs }) => sum + ownMs + (alone ? 0 : endedMs), 0)
  return {
    ...machineMs(),
    atMs: performance.now(),
    cpuMs: by(timeOf),
    memoryMiB: by(memoryMiB),
    flushes: deviceFlushes(folder),
  }
}

/**
 * PostgreSQL counts writing transactions and bytes of its log at once; its statistics come seconds
 * later.
 */
const writtenIn = async ({ orders }: Databases) => {
  const [row] = await orders<[{ commits: number; walBytes: number }]>`
    select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as commits,
      (pg_current_wal_insert_lsn() - '0/0')::bigint as "walBytes"`
  return row
}
