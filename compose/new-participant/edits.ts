/**
 * Edits of files as data: each is one place of one file, and fails when the file has no such place.
 */

export interface Edit {
  /** From the root of the project; a file that is not there is made, of an empty text. */
  readonly file: string
  /** What is written there, for a person. */
  readonly what: string
  /** Gives the text with it. Throws PlaceMissing. */
  readonly edit: (text: string) => string
}

/** A file is not as it was when this was written. */
export class PlaceMissing extends Error {}

type Renamed = (text: string) => string

/** Each match once more, right after it, renamed. */
export const alsoFor = (renamed: Renamed, pattern: RegExp): Edit["edit"] => (text) => {
  const edited = text.replace(pattern, (found) => found + renamed(found))
  if (edited === text) throw new PlaceMissing(`nothing there is like ${pattern}`)
  return edited
}

/** One more in each list that ends so; what is found is the list without its end. */
export const oneMoreIn = (pattern: RegExp, one: string): Edit["edit"] => (text) => {
  const edited = text.replace(pattern, (found) => found + one)
  if (edited === text) throw new PlaceMissing(`no list there is like ${pattern}`)
  return edited
}

/** A document of YAML once more, at the end of the file, renamed. */
export const documentAlsoFor =
  (renamed: Renamed, kind: string, name: string): Edit["edit"] => (text) => {
    const found = text.split(/^---\n/m).find((document) =>
      document.includes(`kind: ${kind}\n`) && document.includes(`\n  name: ${name}\n`)
    )
    if (found === undefined) throw new PlaceMissing(`no ${kind} there is called ${name}`)
    return `${text}---\n${renamed(found)}`
  }

/** What a text has instead of what its lines have that match. */
export const withLines = (lines: ReadonlyArray<readonly [RegExp, string]>) => (text: string) =>
  lines.reduce((edited, [pattern, line]) => {
    if (!pattern.test(edited)) throw new PlaceMissing(`no line there is like ${pattern}`)
    return edited.replace(pattern, () => line)
  }, text)

/** A file that is new. */
export const made = (content: () => string): Edit["edit"] => (text) => {
  if (text !== "") throw new PlaceMissing("it is there already")
  return content()
}
