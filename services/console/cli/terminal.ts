/**
 * What a terminal can show. Everything the demo prints is composed as plain text with box-drawing characters; colour is
 * added to words that say the same without it, and where there are no such characters ASCII takes their places.
 */

export type Tone = "good" | "bad" | "undo" | "strong" | "faint"

/** Gives a text its tone. The text keeps its width on the screen. */
export type Paint = (tone: Tone, text: string) => string

export interface Terminal {
  readonly paint: Paint
  /** The text in the characters that the terminal has. */
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

/** Exactly one character for each, so that drawings stay in shape. */
export const toAscii = (text: string): string => text.replace(/[│┼─►◄]/g, (c) => ascii[c] ?? "?")

/** What the output can show, by the conventions of the environment. */
export const terminalFor = (isTerminal: boolean, environment: Environment): Terminal => ({
  paint: isTerminal && !environment["NO_COLOR"] && environment["TERM"] !== "dumb"
    ? coloured
    : plain,
  spell: hasBoxes(environment) ? (text) => text : toAscii,
})

/** A locale that is set and names another encoding, and the Linux console with its few glyphs, have none. */
const hasBoxes = ({ LC_ALL, LC_CTYPE, LANG, TERM }: Environment): boolean => {
  const locale = LC_ALL || LC_CTYPE || LANG || "UTF-8"
  return TERM !== "linux" && /utf-?8/i.test(locale)
}
