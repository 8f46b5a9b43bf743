/**
 * What happens next in a race, where everything that is under way happens at the same moment, and
 * which courses come to the same.
 *
 * An event touches one place only: the process that it is for, with that process's database; or the
 * queue. So it makes no difference which of two events at different places happens first: courses
 * in which the same happens at every place, in the same order, come to the same state. What
 * invariants look at goes beyond one place, but not beyond one order, and as long as each
 * orchestrator, which has one order, waits for one answer at a time, what is done for an order is
 * done in one order in all these courses. If one ever does not, nothing is taken for equal any
 * more. An event is known by the chain of its causes, since statements of two orders have one name.
 */
import { fingerprint, type Upcoming } from "../kernel.ts"

/**
 * What happens when nothing else is chosen. Oldest first: that with the shortest chain of causes,
 * which is the same in all courses that come to the same state. Newest first: that which came up
 * last, so the order in which events came up belongs to the state.
 */
export const paces = ["oldest first", "newest first"] as const
export type Pace = typeof paces[number]

/** Nothing is equal to `undefined`. */
export type State = string | undefined

/** A choice that a course came by. */
export interface Choice {
  /** Before it. How a course came to a state does not matter for what can become of it. */
  readonly state: State
  /** What can happen instead of the usual. */
  readonly others: ReadonlyArray<{
    readonly chosen: number
    /** The state that it leads to. */
    readonly state: State
    /**
     * If nothing deviates after it, it can as well wait: the usual event is elsewhere, and comes
     * next in any case.
     */
    readonly canWait: boolean
  }>
}

/** What an event is known by in all courses. */
interface Cause {
  readonly id: string
  readonly length: number
}

export class Choices {
  /** Among how many events each choice was. */
  readonly counts: Array<number> = []
  /** The choices from `tellFrom` on. */
  readonly told: Array<Choice> = []
  private readonly pace: Pace
  private readonly tellFrom: number
  /** What has happened at each place, and how long the chain of causes is of the last of it. */
  private readonly places = new Map<string, { readonly happened: Hash; readonly length: number }>()
  private readonly causes = new Map<Upcoming, Cause>()
  private latest: Cause = { id: "", length: 0 }
  /** How many answers each orchestrator waits for; and whether it was more than one, ever. */
  private readonly waiting = new Map<string, number>()
  private entangled = false

  constructor(pace: Pace, tellFrom: number) {
    this.pace = pace
    this.tellFrom = tellFrom
  }

  /**
   * Gives what happens: the only event; or one whose turn makes no difference; or the chosen one,
   * or else the usual.
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

  /**
   * Those with the shorter chain of causes first, and then in any order that is the same in all
   * courses.
   */
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

  /** The state as it is, or as it is once an event has happened. */
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

/** 64 bits, since there are many states. */
type Hash = readonly [number, number]

const hashed = (hash: Hash = [0x811c9dc5, 0x1b873593], what: string): Hash => {
  const [one, other] = hash
  return [fingerprint(one, what), fingerprint(other, `${one} ${what}`)]
}

/** Where something happens: requests come to a service, of which there is one process. */
const placeOf = ({ process, name }: Upcoming): string =>
  process?.name ?? (/ -> (\w+)\//.exec(name)?.[1]?.concat("-1") ?? "queue")

/**
 * Whether it makes no difference when it happens: an orchestrator goes on that waits for nothing
 * else.
 */
const isUnnoticed = ({ process }: Upcoming, events: ReadonlyArray<Upcoming>): boolean =>
  process?.service === "orchestrator" &&
  events.filter((event) => event.process === process).length === 1

/** By what they are. */
export const byText = (one: Upcoming, other: Upcoming): number => {
  const [a, b] = [`${placeOf(one)} ${one.name}`, `${placeOf(other)} ${other.name}`]
  return a < b ? -1 : a > b ? 1 : 0
}
