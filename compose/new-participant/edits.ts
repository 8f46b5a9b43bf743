/**
 * Edits of files as data: each changes one place of one file, and fails when the file has no such
 * place.
 */

export interface Edit {
  /**
   * Relative to the root of the project; a file that does not exist is created from an empty text.
   */
  readonly file: string
  /** What is written there, in words. */
  readonly what: string
  /** Returns the edited text. Throws PlaceMissing. */
  readonly edit: (text: string) => string
}

/** A file does not have the place that an edit expects. */
export class PlaceMissing extends Error {}

type Renamed = (text: string) => string

/** Repeats each match, renamed, right after it. */
export const alsoFor = (renamed: Renamed, pattern: RegExp): Edit["edit"] => (text) => {
  const edited = text.replace(pattern, (found) => found + renamed(found))
  if (edited === text) throw new PlaceMissing(`nothing there matches ${pattern}`)
  return edited
}

/** Adds one to each list that matches; the pattern matches the list without its end. */
export const oneMoreIn = (pattern: RegExp, one: string): Edit["edit"] => (text) => {
  const edited = text.replace(pattern, (found) => found + one)
  if (edited === text) throw new PlaceMissing(`no list there matches ${pattern}`)
  return edited
}

/** Repeats a YAML document, renamed, at the end of the file. */
export const documentAlsoFor =
  (renamed: Renamed, kind: string, name: string): Edit["edit"] => (text) => {
    const found = text.split(/^---\n/m).find((document) =>
      document.includes(`kind: ${kind}\n`) && document.includes(`\n  name: ${name}\n`)
    )
    if (found === undefined) throw new PlaceMissing(`no ${kind} there has the name ${name}`)
    return `${text}---\n${renamed(found)}`
  }

/** Replaces the first line that matches each pattern. */
export const withLines = (lines: ReadonlyArray<readonly [RegExp, string]>) => (text: string) =>
  lines.reduce((edited, [pattern, line]) => {
    if (!pattern.test(edited)) throw new PlaceMissing(`no line there matches ${pattern}`)
    return edited.replace(pattern, () => line)
  }, text)

/** Creates a new file. */
export const made = (content: () => string): Edit["edit"] => (text) => {
  if (text !== "") throw new PlaceMissing("it exists already")
  return content()
}
