/**
 * Which courses of a race are to be tried: all that deviate at so many choices at most from the
 * usual one; but of those that come to the same state, only one goes on from there.
 */
import type { Choice, State } from "./choices.ts"
import type { Race } from "./race.ts"
import type { Course } from "./tasks.ts"

export class Exploration {
  readonly race: Race
  /** How many courses were tried. */
  courses = 0
  private readonly most: number
  /** Those with the fewest deviations first. */
  private readonly untried: Array<Course> = []
  /**
   * With how many more deviations everything that can become of a state was tried, or is going to
   * be.
   */
  private readonly known = new Map<string, number>()

  constructor(race: Race, most: number) {
    this.race = race
    this.most = most
    this.add([])
  }

  /** How many courses are known that are to be tried. */
  get left(): number {
    return this.untried.length
  }

  /** Some of them. */
  take(count: number): ReadonlyArray<Course> {
    return this.untried.splice(0, count)
  }

  /** Takes in what there was to choose in a course. */
  tried({ deviations, tellFrom }: Course, choices: ReadonlyArray<Choice>): void {
    this.courses++
    const more = this.most - deviations.length
    for (const [n, { state, others }] of choices.entries()) {
      // From here on it is a course that was tried.
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
