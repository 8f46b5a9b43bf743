/**
 * The choice of the next event in a race, in which everything happens at the same time, and which
 * courses are equivalent.
 *
 * An event affects only one place: a process and its database, or the queue. So the order of two
 * events at different places makes no difference. Courses with the same events in the same order at
 * every place reach the same state. Invariants look at several places, but only at one order. Each
 * orchestrator has one order and waits for one answer at a time, so all these courses do the same
 * for an order in the same sequence. If an orchestrator ever waits for two answers, no states count
 * as equal any more. The chain of its causes identifies an event, because statements of two orders
 * have the same name.
 */
import { fingerprint, type Upcoming } from "../kernel.ts"

/**
 * The usual choice. Oldest first: the event with the shortest chain of causes, which is the same in
 * all courses that reach the same state. Newest first: the event that came up last, so the order in
 * which events came up belongs to the state.
 */
export const paces = ["oldest first", "newest first"] as const
export type Pace = typeof paces[number]

/** An undefined state equals no other. */
export type State = string | undefined

/** A choice in a course. */
export interface Choice {
  /** The state before the choice. What can follow depends on nothing else. */
  readonly state: State
  /** The alternatives to the usual choice. */
  readonly others: ReadonlyArray<{
    readonly chosen: number
    /** The state after it. */
    readonly state: State
    /**
     * Whether it makes no difference as the last deviation: the usual event is at another place and
     * comes next anyway.
     */
    readonly canWait: boolean
  }>
}

/** Identifies an event in all courses. */
interface Cause {
  readonly id: string
  readonly length: number
}

export class Choices {
  /** The number of events at each choice. */
  readonly counts: Array<number> = []
  /** The choices from `tellFrom` on. */
  readonly told: Array<Choice> = []
  private readonly pace: Pace
  private readonly tellFrom: number
  /** For each place, what happened there, and the length of the last event's chain of causes. */
  private readonly places = new Map<string, { readonly happened: Hash; readonly length: number }>()
  private readonly causes = new Map<Upcoming, Cause>()
  private latest: Cause = { id: "", length: 0 }
  /** How many answers each orchestrator waits for, and whether it ever was more than one. */
  private readonly waiting = new Map<string, number>()
  private entangled = false

  constructor(pace: Pace, tellFrom: number) {
    this.pace = pace
    this.tellFrom = tellFrom
  }

  /**
   * Returns the next event: the only one, or one whose turn makes no difference, or the chosen one,
   * or the usual one.
   */
  next(events: ReadonlyArray<Upcoming>, chosen: number | undefined): Upcoming {
    const fresh = events.filter((event) => !this.causes.has(event))
    fresh.forEach((event, nth) => this.comesUp(event, nth))
    const event = events.length === 1
      ? events[0]!
      : events.find((event) => isUnnoticed(event, events)) ?? this.choice(events, chosen)
    this.happens(event)
    return event
  }

  private comesUp(event: Upcoming, nth: number): void {
    const { id, length } = this.latest
    const own = hashed(undefined, `${id} ${nth} ${event.name}`).join()
    this.causes.set(event, { id: own, length: length + 1 })
    const from = / -> /.test(event.name) ? event.name.split(" ", 1)[0]! : undefined
    if (from === undefined) return
    const count = (this.waiting.get(from) ?? 0) + 1
    this.waiting.set(from, count)
    if (count > 1) this.entangled = true
  }

  private happens(event: Upcoming): void {
    const { process, name } = event
    const place = placeOf(event)
    const { id, length } = this.causes.get(event)!
    const before = this.places.get(place)
    this.latest = { id, length: Math.max(length, (before?.length ?? 0) + 1) }
    this.places.set(place, { happened: hashed(before?.happened, id), length: this.latest.length })
    this.causes.delete(event)
    if (process !== undefined && / <- /.test(name)) {
      this.waiting.set(process.name, (this.waiting.get(process.name) ?? 0) - 1)
    }
  }

  private choice(events: ReadonlyArray<Upcoming>, chosen: number | undefined): Upcoming {
    const oldestFirst = this.pace === "oldest first"
    const sorted = oldestFirst ? events.toSorted((one, other) => this.compare(one, other)) : events
    const usual = oldestFirst ? 0 : sorted.length - 1
    if (this.counts.push(sorted.length) > this.tellFrom) this.tell(sorted, usual)
    return sorted[Math.min(chosen ?? usual, sorted.length - 1)]!
  }

  /** Shorter chains of causes first, then any order that is the same in all courses. */
  private compare(one: Upcoming, other: Upcoming): number {
    const [a, b] = [this.causes.get(one)!, this.causes.get(other)!]
    return a.length - b.length || byText(one, other) || (a.id < b.id ? -1 : 1)
  }

  private tell(events: ReadonlyArray<Upcoming>, usual: number): void {
    const place = placeOf(events[usual]!)
    const comesNext = this.pace === "oldest first" && !this.entangled
    const others = events.flatMap((event, chosen) => {
      const canWait = comesNext && placeOf(event) !== place
      return chosen === usual ? [] : [{ chosen, state: this.state(events, event), canWait }]
    })
    this.told.push({ state: this.state(events), others })
  }

  /** The state now, or after an event. */
  state(events: ReadonlyArray<Upcoming>, then?: Upcoming): State {
    if (this.entangled) return undefined
    const there = then && placeOf(then)
    const texts = [...this.places].map(([place, { happened }]) =>
      `${place} ${place === there ? "" : happened.join()}`
    )
    if (then !== undefined) {
      const happened = hashed(this.places.get(there!)?.happened, this.causes.get(then)!.id)
      texts.push(`then ${there} ${happened.join()}`)
    }
    texts.sort()
    if (this.pace === "newest first") {
      for (const event of events) if (event !== then) texts.push(this.causes.get(event)!.id)
    }
    return hashed(undefined, texts.join()).join()
  }
}

/** 64 bits, because there are many states. */
type Hash = readonly [number, number]

const hashed = (hash: Hash = [0x811c9dc5, 0x1b873593], what: string): Hash => {
  const [one, other] = hash
  return [fingerprint(one, what), fingerprint(other, `${one} ${what}`)]
}

/** The place of an event. A request arrives at the only process of its service. */
const placeOf = ({ process, name }: Upcoming): string =>
  process?.name ?? (/ -> (\w+)\//.exec(name)?.[1]?.concat("-1") ?? "queue")

/** Whether its turn makes no difference: its orchestrator waits for nothing else. */
const isUnnoticed = ({ process }: Upcoming, events: ReadonlyArray<Upcoming>): boolean =>
  process?.service === "orchestrator" &&
  events.filter((event) => event.process === process).length === 1

/** By place and name. */
export const byText = (one: Upcoming, other: Upcoming): number => {
  const [a, b] = [`${placeOf(one)} ${one.name}`, `${placeOf(other)} ${other.name}`]
  return a < b ? -1 : a > b ? 1 : 0
}
