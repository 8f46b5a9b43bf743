/**
 * What a planted bug is: a small change of the product's own text, and the invariants that it
 * breaks.
 */

/** A text that occurs once in a file, and what stands there instead. */
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
  /** Where one of its kind was found. */
  readonly seenIn: string
  /** The simulation has to find that one of these does not hold. */
  readonly caughtBy: ReadonlyArray<string>
}

/** A change that looks like a bug, and breaks nothing because something else makes up for it. */
export interface Absorbed extends Mutation {
  readonly because: string
}

/**
 * Why a text cannot be replaced, a line for each: the sources were changed, and the list has to
 * follow them.
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
