/**
 * What a terminal can show. Output is plain text with box-drawing characters. Colour only repeats
 * what the words say, and ASCII replaces the box-drawing characters where the terminal lacks them.
 */

export type Tone = "good" | "bad" | "undo" | "strong" | "faint"

/** Colours a text. Its width on the screen stays the same. */
export type Paint = (tone: Tone, text: string) => string

export interface Terminal {
  readonly paint: Paint
  /** Replaces characters that the terminal lacks. */
  readonly spell: (text: string) => string
}

type Environment = Readonly<Record<string, string | undefined>>

const codes: Readonly<Record<Tone, number>> = { good: 32, bad: 31, undo: 33, strong: 1, faint: 2 }

const ascii: Readonly<Record<string, string>> = {
  "│": "|",
  "┼": "|",
  "─": "-",
  "►": ">",
  "◄": "<",
}

export const plain: Paint = (_, text) => text

export const coloured: Paint = (tone, text) => `\x1b[${codes[tone]}m${text}\x1b[0m`

/** Replaces each character by exactly one, so that drawings keep their shape. */
export const toAscii = (text: string): string => text.replace(/[│┼─►◄]/g, (c) => ascii[c] ?? "?")

/** What the output can show, by the environment's conventions (NO_COLOR, TERM, locale). */
export const terminalFor = (isTerminal: boolean, environment: Environment): Terminal => ({
  paint: isTerminal && !environment["NO_COLOR"] && environment["TERM"] !== "dumb"
    ? coloured
    : plain,
  spell: hasBoxes(environment) ? (text) => text : toAscii,
})

/**
 * False for a locale with another encoding than UTF-8, and for the Linux console, which has few
 * glyphs.
 */
const hasBoxes = ({ LC_ALL, LC_CTYPE, LANG, TERM }: Environment): boolean => {
  const locale = LC_ALL || LC_CTYPE || LANG || "UTF-8"
  return TERM !== "linux" && /utf-?8/i.test(locale)
}
