/**
 * The core of the simulation: virtual time, and events that happen one at a time. A process waits
 * for a timer, an answer or a lock, and each comes as an event. All consequences of an event happen
 * before the next event. Each random number comes from the seed and the name of its purpose. So a
 * decision that is left out does not change the others, and the same plan has the same history on
 * every machine and runtime.
 */
import { type Clock, Duration, Effect, Exit, Scheduler } from "effect"

/** One run of a process, from its start to its end. */
export interface Process {
  /** The service that it is a replica of. */
  readonly service: string
  /** The name of the replica; a restart keeps it. */
  readonly name: string
  alive: boolean
  /** By how much its clock is ahead. */
  skewMs: number
  /** The end of its current stop. Its events wait until then. */
  stoppedUntilMs: number
  /** Called when it ends. */
  readonly atEnd: Set<() => void>
}

export const newProcess = (service: string, name: string): Process => ({
  service,
  name,
  alive: true,
  skewMs: 0,
  stoppedUntilMs: startMs,
  atEnd: new Set(),
})

/** An event that has not happened yet. */
export interface Upcoming {
  /** The process that it belongs to; it falls away with that process. */
  readonly process: Process | undefined
  /** Its line in a trace. */
  readonly name: string
}

interface Event extends Upcoming {
  atMs: number
  /** Counts the events in the order in which they were made. */
  readonly number: number
  readonly happen: () => void
  cancelled: boolean
}

/**
 * Monday, 6 January 2025, noon. The ids of orders contain the time, so a real date makes them sort.
 */
export const startMs = Date.UTC(2025, 0, 6, 12)

/**
 * An answer passes through `fetch` and `text` to the fiber that waits. That takes fewer turns of
 * the platform's queue than this.
 */
const turns = 12

export interface KernelOptions {
  readonly seed: number
  /**
   * Chooses which of the events of the same time happens next. They come oldest first, and may be
   * only one; `atMs` counts from the start. Without this function the seed chooses.
   */
  readonly choose?: ((events: ReadonlyArray<Upcoming>, atMs: number) => number) | undefined
  /**
   * Whether only deliberate waits take time. Then everything under way happens at the same time,
   * and its order is a matter of choice.
   */
  readonly inNoTime?: boolean | undefined
  /** Called with a line for each event. */
  readonly trace?: ((line: string) => void) | undefined
}

export class Kernel {
  nowMs = startMs
  /** How many events have happened. */
  happened = 0
  /** A fingerprint of all events and all random numbers so far, in order. */
  hash = 0x811c9dc5
  /** Set after a promise is settled: its consequences take turns of the platform's queue. */
  promiseSettled = false
  private readonly pending: Array<Event> = []
  private readonly tasks: Array<() => void> = []
  /** For each purpose, where its numbers come from and how many were drawn. */
  private readonly drawn = new Map<string, { readonly from: number; count: number }>()

  private readonly seed: number
  private readonly choose: KernelOptions["choose"]
  readonly inNoTime: boolean
  private made = 0
  private readonly trace: ((line: string) => void) | undefined

  constructor(options: KernelOptions) {
    this.seed = options.seed
    this.choose = options.choose
    this.inNoTime = options.inNoTime ?? false
    this.trace = options.trace
  }

  /** A number from 0 to `below` - 1 that depends on the seed and the purpose. */
  draw(purpose: string, below: number): number {
    let drawn = this.drawn.get(purpose)
    if (drawn === undefined) {
      drawn = { from: fingerprint(this.seed ^ 0x811c9dc5, purpose), count: 0 }
      this.drawn.set(purpose, drawn)
    }
    this.hash = fingerprint(this.hash, drawn.from)
    return mixed(fingerprint(drawn.from, ++drawn.count)) % below
  }

  /** How long an action takes that is not a deliberate wait: nothing, if `inNoTime` is set. */
  takes(ms: number): number {
    return this.inNoTime ? 0 : ms
  }

  /** Adds an event to the trace and to the fingerprint. */
  note(what: string): void {
    this.hash = fingerprint(this.hash, what)
    this.tell(what)
  }

  /** Adds a line to the trace only: the reason of an event is not part of the history. */
  tell(what: string): void {
    this.trace?.(`${((this.nowMs - startMs) / 1000).toFixed(3).padStart(9)} s  ${what}`)
  }

  /** Schedules an event, which falls away if its process ends first. Returns what cancels it. */
  after(ms: number, name: string, process: Process | undefined, happen: () => void): () => void {
    const atMs = this.nowMs + ms
    const event: Event = { atMs, number: this.made++, name, process, happen, cancelled: false }
    this.pending.push(event)
    return () => void (event.cancelled = true)
  }

  /** Lets events happen until `done`, or until there are none. */
  async run(done: () => boolean): Promise<void> {
    await this.settle()
    while (!done()) {
      const event = this.next()
      if (event === undefined) return
      this.nowMs = event.atMs
      this.happened++
      this.hash = fingerprint(this.hash, this.nowMs - startMs)
      if (event.process !== undefined) this.hash = fingerprint(this.hash, event.process.name)
      if (event.name !== "") this.note(event.name)
      event.happen()
      await this.settle()
    }
  }

  /** The next event whose process is alive and not stopped. */
  private next(): Event | undefined {
    const { pending } = this
    let atMs = Infinity
    const first: Array<number> = []
    for (let n = 0; n < pending.length; n++) {
      const event = pending[n]!
      const { process } = event
      if (event.cancelled || process?.alive === false) {
        // The last event moves to its place and is looked at next.
        pending[n--] = pending[pending.length - 1]!
        pending.pop()
        continue
      }
      if (process !== undefined && process.stoppedUntilMs > event.atMs) {
        event.atMs = process.stoppedUntilMs
      }
      if (event.atMs > atMs) continue
      if (event.atMs < atMs) first.length = 0
      atMs = event.atMs
      first.push(n)
    }
    if (first.length === 0) return undefined
    const [event] = pending.splice(this.chosenOf(first), 1)
    return event
  }

  private chosenOf(first: Array<number>): number {
    const { pending, choose } = this
    if (choose === undefined) {
      return first.length === 1 ? first[0]! : first[this.draw("order", first.length)]!
    }
    first.sort((one, other) => pending[one]!.number - pending[other]!.number)
    return first[choose(first.map((n) => pending[n]!), pending[first[0]!]!.atMs - startMs)]!
  }

  private async settle(): Promise<void> {
    this.runTasks()
    if (!this.promiseSettled) return
    this.promiseSettled = false
    for (let turn = 0; turn < turns; turn++) {
      await undefined
      this.runTasks()
    }
  }

  private runTasks(): void {
    let count = 0
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) {
      if (++count > 100_000) throw new Error("A fiber runs for ever without waiting")
      task()
    }
  }

  /** Runs fibers on this kernel. */
  readonly scheduler: Scheduler.Scheduler = new Scheduler.MixedScheduler("async", (task) => {
    this.tasks.push(task)
    return () => {}
  })

  clockOf(process: Process): Clock.Clock {
    const millis = () => this.nowMs + process.skewMs
    const nanos = () => BigInt(millis()) * 1_000_000n
    const monotonic = () => BigInt(this.nowMs) * 1_000_000n
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) => this.sleep(process, Duration.toMillis(duration)),
    }
  }

  /** Waits in virtual time, which passes in whole milliseconds. */
  sleep(process: Process, ms: number, name = ""): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (!process.alive || !Number.isFinite(ms)) return
      const cancel = this.after(Math.max(0, Math.ceil(ms)), name, process, () => resume(Exit.void))
      return Effect.sync(cancel)
    })
  }
}

/** FNV-1a of a text, or of a number as two words. */
export const fingerprint = (hash: number, of: string | number): number => {
  let result = hash
  if (typeof of === "number") {
    result = Math.imul(result ^ (of | 0), 0x01000193)
    return Math.imul(result ^ Math.floor(of / 2 ** 32), 0x01000193) >>> 0
  }
  for (let n = 0; n < of.length; n++) {
    result = Math.imul(result ^ of.charCodeAt(n), 0x01000193)
  }
  return result >>> 0
}

/** Murmur3's last step: spreads fingerprints that are close together. */
const mixed = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
