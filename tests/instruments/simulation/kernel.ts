/**
 * The heart of the simulation: virtual time, and events that happen one at a time. Whatever a
 * process waits for (a timer, an answer, a lock) comes to it as an event here, and an event's
 * consequences are played out before the next one happens. All chance is drawn from the seed and
 * the name of what it decides, so one decision that falls away does not change the others, and the
 * same plan has the same history on every machine and runtime.
 */
import { type Clock, Duration, Effect, Exit, Scheduler } from "effect"

/** One run of a process, from its start to its end. */
export interface Process {
  /** Of which service it is a replica. */
  readonly service: string
  /** Which replica: the same after a restart. */
  readonly name: string
  alive: boolean
  /** How far its clock is off. */
  skewMs: number
  /** Until then it is stopped: what comes for it waits. */
  stoppedUntilMs: number
  /** What to do when it ends. */
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

/** Something that is going to happen. */
export interface Upcoming {
  /** Whose it is alone. */
  readonly process: Process | undefined
  /** What a trace says of it. */
  readonly name: string
}

interface Event extends Upcoming {
  atMs: number
  /** The older, the lower. */
  readonly number: number
  readonly happen: () => void
  cancelled: boolean
}

/**
 * Monday, 6 January 2025, noon: the times in traces are real ones, so that the ids made of them
 * sort.
 */
export const startMs = Date.UTC(2025, 0, 6, 12)

/**
 * Enough turns of the platform's own queue for an answer to come through `fetch` and `text` to the
 * fiber that waits.
 */
const turns = 12

export interface KernelOptions {
  readonly seed: number
  /**
   * Chooses which of the events at the same time, oldest first, happens next, also when there is
   * but one; `atMs` is counted from the start. By the seed, if it is not given.
   */
  readonly choose?: ((events: ReadonlyArray<Upcoming>, atMs: number) => number) | undefined
  /**
   * Nothing takes time unless it waits on purpose: all that goes on at once is then a matter of
   * choice.
   */
  readonly inNoTime?: boolean | undefined
  /** Is given a line for everything that happens. */
  readonly trace?: ((line: string) => void) | undefined
}

export class Kernel {
  nowMs = startMs
  /** How many events have happened. */
  happened = 0
  /** A fingerprint of everything that happened, and of all chance that was drawn, in order. */
  hash = 0x811c9dc5
  /** Set by whoever settles a promise: its consequences take turns of the platform's queue. */
  promiseSettled = false
  private readonly pending: Array<Event> = []
  private readonly tasks: Array<() => void> = []
  /** Of what each purpose's numbers are made, and how many were drawn. */
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

  /** A number from 0 to `below` - 1, by the seed and what it is for. */
  draw(purpose: string, below: number): number {
    let drawn = this.drawn.get(purpose)
    if (drawn === undefined) {
      drawn = { from: fingerprint(this.seed ^ 0x811c9dc5, purpose), count: 0 }
      this.drawn.set(purpose, drawn)
    }
    this.hash = fingerprint(this.hash, drawn.from)
    return mixed(fingerprint(drawn.from, ++drawn.count)) % below
  }

  /** How long something takes that takes so long by itself. */
  takes(ms: number): number {
    return this.inNoTime ? 0 : ms
  }

  /** Writes down what happens. */
  note(what: string): void {
    this.hash = fingerprint(this.hash, what)
    this.tell(what)
  }

  /** Tells why something happens: that is no part of what does. */
  tell(what: string): void {
    this.trace?.(`${((this.nowMs - startMs) / 1000).toFixed(3).padStart(9)} s  ${what}`)
  }

  /** Lets an event happen later, unless its process has ended by then; gives a way to cancel it. */
  after(ms: number, name: string, process: Process | undefined, happen: () => void): () => void {
    const atMs = this.nowMs + ms
    const event: Event = { atMs, number: this.made++, name, process, happen, cancelled: false }
    this.pending.push(event)
    return () => void (event.cancelled = true)
  }

  /** Lets events happen until `done` or until nothing is left to happen. */
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

  /** The next event of a process that lives and is not stopped. */
  private next(): Event | undefined {
    const { pending } = this
    let atMs = Infinity
    const first: Array<number> = []
    for (let n = 0; n < pending.length; n++) {
      const event = pending[n]!
      const { process } = event
      if (event.cancelled || process?.alive === false) {
        // Its place goes to the last one, which is looked at next.
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
      if (++count > 100_000) throw new Error("A fiber goes on for ever without waiting")
      task()
    }
  }

  /** What makes fibers run on this kernel: its scheduler, and a clock that may be off. */
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

  /** Waits, in virtual time, which goes by in whole milliseconds. */
  sleep(process: Process, ms: number, name = ""): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (!process.alive || !Number.isFinite(ms)) return
      const cancel = this.after(Math.max(0, Math.ceil(ms)), name, process, () => resume(Exit.void))
      return Effect.sync(cancel)
    })
  }
}

/** FNV-1a, of a text or a number, which is taken as two words. */
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

/** Murmur3's last step: near fingerprints lead to far numbers. */
const mixed = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
