/**
 * The courses of a race to try: all with a limited number of deviations from the usual one. Of
 * courses that reach the same state, only one goes on from there.
 */
import type { Choice, State } from "./choices.ts"
import type { Race } from "./race.ts"
import type { Course } from "./tasks.ts"

export class Exploration {
  readonly race: Race
  /** The number of courses that were tried. */
  courses = 0
  private readonly most: number
  /** Fewest deviations first. */
  private readonly untried: Array<Course> = []
  /** For each state, the number of further deviations with which it is fully explored. */
  private readonly known = new Map<string, number>()

  constructor(race: Race, most: number) {
    this.race = race
    this.most = most
    this.add([])
  }

  /** The number of courses that wait to be tried. */
  get left(): number {
    return this.untried.length
  }

  /** Takes courses that wait to be tried. */
  take(count: number): ReadonlyArray<Course> {
    return this.untried.splice(0, count)
  }

  /** Adds the courses that the choices of a course lead to. */
  tried({ deviations, tellFrom }: Course, choices: ReadonlyArray<Choice>): void {
    this.courses++
    const more = this.most - deviations.length
    for (const [n, { state, others }] of choices.entries()) {
      // From here on it is the same as a course that was tried.
      if (!this.isNews(state, more)) return
      for (const { chosen, state, canWait } of others) {
        if ((more === 1 && canWait) || !this.isNews(state, more - 1)) continue
        this.add([...deviations, { at: tellFrom + n, chosen }])
      }
    }
  }

  private add(deviations: Course["deviations"]): void {
    const isLast = deviations.length === this.most
    const tellFrom = isLast ? Infinity : (deviations.at(-1)?.at ?? -1) + 1
    this.untried.push({ deviations, tellFrom })
  }

  private isNews(state: State, more: number): boolean {
    if (state === undefined) return true
    if ((this.known.get(state) ?? -1) >= more) return false
    this.known.set(state, more)
    return true
  }
}
