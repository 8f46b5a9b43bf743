/** A planted bug: a small change to the product's sources, and the invariants that it breaks. */

/** A text that occurs once in a file, and its replacement. */
export interface Edit {
  /** From the root of the project. */
  readonly file: string
  readonly replace: string
  readonly by: string
}

interface Mutation {
  readonly name: string
  /** What goes wrong, in one sentence. */
  readonly what: string
  readonly edits: ReadonlyArray<Edit>
}

export interface Bug extends Mutation {
  /** Where a bug of its kind was found. */
  readonly seenIn: string
  /** The invariants that it breaks: the simulation must find one of them violated. */
  readonly caughtBy: ReadonlyArray<string>
}

/** A change that looks like a bug, but breaks nothing: another part of the design absorbs it. */
export interface Absorbed extends Mutation {
  readonly because: string
}

/**
 * A line for each text that cannot be replaced: the sources have changed, and the list must follow.
 */
export const misfits = (
  mutations: ReadonlyArray<Mutation>,
  textOf: (file: string) => string,
): ReadonlyArray<string> =>
  mutations.flatMap(({ name, edits }) =>
    edits.flatMap(({ file, replace }) => {
      const times = textOf(file).split(replace).length - 1
      if (times === 1) return []
      const text = JSON.stringify(replace.trim().split("\n", 1)[0])
      return [`${name}: its text occurs ${times} times in ${file}, not once: ${text}`]
    })
  )
