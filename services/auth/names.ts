/**
 * Names that look alike (Unicode Technical Standard 39). A new name is of one script, or of a few
 * that are written together, and is taken when an existing one differs from it in case only, or
 * looks the same.
 */
import unhomoglyph from "unhomoglyph"

/** The scripts in everyday use (Unicode Standard Annex 31, table 5). */
const scripts = [
  ...["Arab", "Armn", "Beng", "Cyrl", "Deva", "Ethi", "Geor", "Grek", "Gujr", "Guru", "Hebr"],
  ...["Khmr", "Knda", "Laoo", "Latn", "Mlym", "Mymr", "Orya", "Sinh", "Taml", "Telu", "Thaa"],
  ...["Thai", "Tibt"],
]
/**
 * "Highly restrictive" (UTS 39, 5.2): Latin may be combined with the scripts of East Asia, and no
 * others may be combined.
 */
const together = [["Latn", "Hani", "Hira", "Kana"], ["Latn", "Hani", "Bopo"], [
  "Latn",
  "Hani",
  "Hang",
]]

const written = [...scripts.map((script) => [script]), ...together].map((scripts) =>
  // Zyyy and Zinh: the characters that all scripts share.
  new RegExp(`^[${[...scripts, "Zyyy", "Zinh"].map((s) => `\\p{scx=${s}}`).join("")}]*$`, "u")
)

/**
 * Whether the letters are of one script, or of some that are written together, the digits are of
 * one kind (UTS 39, 5.3), and no character is invisible.
 */
export const isUnambiguous = (name: string): boolean =>
  !/\p{Default_Ignorable_Code_Point}/u.test(name) &&
  written.some((script) => script.test(name)) &&
  new Set(Array.from(name.matchAll(/\p{Nd}/gu), ([digit]) => zeroOf(digit.codePointAt(0)!))).size <=
    1

/** The digits of one kind are consecutive, from its zero on. */
const zeroOf = (digit: number): number =>
  /\p{Nd}/u.test(String.fromCodePoint(digit - 1)) ? zeroOf(digit - 1) : digit

export interface NameKeys {
  /** Equal for names that differ in case only. */
  readonly folded: string
  /** Equal for names that look alike. */
  readonly look: string
}

/** The keys that no two names may share. */
export const keysOf = (name: string): NameKeys => ({
  folded: folded(name),
  look: folded(skeleton(name)),
})

/** Upper case first: only that gives "ß" and "SS" the same lower case. */
const folded = (text: string) => text.toUpperCase().toLowerCase().normalize("NFKC")

/** UTS 39, 4: the name with each character replaced by the plainest that looks like it. */
const skeleton = (name: string) => unhomoglyph(name.normalize("NFD")).normalize("NFD")
