/**
 * Waiting requests by their shares: a tree in which the branches of a node take turns, however many
 * wait on each. When there are too many, the longest branch loses its newest; of equally long
 * branches, the one that grew last.
 */

export interface Waits {
  /** The branches that lead to its leaf; equally many for all in one line. */
  readonly share: ReadonlyArray<string>
}

export class WaitLine<W extends Waits> {
  /** The branch that was served longest ago comes first. */
  readonly #branches = new Map<string, WaitLine<W>>()
  readonly #own: Array<W> = []
  readonly #depth: number
  #grewAt = 0
  length = 0

  constructor(depth = 0) {
    this.#depth = depth
  }

  join(waiting: W): void {
    this.length++
    const name = waiting.share[this.#depth]
    if (name === undefined) return void this.#own.push(waiting)
    const branch = this.#branches.get(name) ?? new WaitLine(this.#depth + 1)
    this.#branches.set(name, branch)
    branch.#grewAt = ++this.#grewAt
    branch.join(waiting)
  }

  /** Removes and returns the next one; there must be one. */
  shift(): W {
    this.length--
    const [name, branch] = this.#branches.entries().next().value ?? []
    if (name === undefined || branch === undefined) return this.#own.shift()!
    const first = branch.shift()
    this.#branches.delete(name)
    if (branch.length > 0) this.#branches.set(name, branch)
    return first
  }

  /** The newest of the longest branch; there must be one. */
  newest(): W {
    if (this.#own.length > 0) return this.#own.at(-1)!
    const isFirst = (a: WaitLine<W>, b: WaitLine<W>) =>
      a.length === b.length ? a.#grewAt > b.#grewAt : a.length > b.length
    return [...this.#branches.values()].reduce((a, b) => isFirst(a, b) ? a : b).newest()
  }

  /** Removes one that waits. */
  remove(waiting: W): void {
    this.length--
    const name = waiting.share[this.#depth]
    if (name === undefined) return void this.#own.splice(this.#own.indexOf(waiting), 1)
    const branch = this.#branches.get(name)!
    branch.remove(waiting)
    if (branch.length === 0) this.#branches.delete(name)
  }
}
