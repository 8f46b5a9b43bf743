/**
 * Names that look like one another (Unicode Technical Standard 39). A new name is of one script, or of a few that are
 * written together, and is taken when another one differs from it in case only, or looks the same.
 */
import unhomoglyph from "unhomoglyph"

/** Those that are in everyday use (Unicode Standard Annex 31, table 5). */
const scripts = [
  ...["Arab", "Armn", "Beng", "Cyrl", "Deva", "Ethi", "Geor", "Grek", "Gujr", "Guru", "Hebr"],
  ...["Khmr", "Knda", "Laoo", "Latn", "Mlym", "Mymr", "Orya", "Sinh", "Taml", "Telu", "Thaa"],
  ...["Thai", "Tibt"],
]
/** "Highly restrictive" (UTS 39, 5.2): Latin goes together with what is written in East Asia, and nothing else does. */
const together = [["Latn", "Hani", "Hira", "Kana"], ["Latn", "Hani", "Bopo"], [
  "Latn",
  "Hani",
  "Hang",
]]

const written = [...scripts.map((script) => [script]), ...together].map((scripts) =>
  // Zyyy and Zinh: what all scripts have in common.
  new RegExp(`^[${[...scripts, "Zyyy", "Zinh"].map((s) => `\\p{scx=${s}}`).join("")}]*$`, "u")
)

/**
 * Whether the letters are of one script, or of some that are written together, the digits of one kind (UTS 39, 5.3), and
 * nothing is there that is not seen.
 */
export const isUnambiguous = (name: string): boolean =>
  !/\p{Default_Ignorable_Code_Point}/u.test(name) &&
  written.some((script) => script.test(name)) &&
  new Set(Array.from(name.matchAll(/\p{Nd}/gu), ([digit]) => zeroOf(digit.codePointAt(0)!))).size <=
    1

/** The digits of one kind stand side by side, from its zero on. */
const zeroOf = (digit: number): number =>
  /\p{Nd}/u.test(String.fromCodePoint(digit - 1)) ? zeroOf(digit - 1) : digit

export interface NameKeys {
  /** The same for names that differ in case only. */
  readonly folded: string
  /** The same for names that look alike. */
  readonly look: string
}

/** What no two names may have in common. */
export const keysOf = (name: string): NameKeys => ({
  folded: folded(name),
  look: folded(skeleton(name)),
})

/** Upper case first: "ß" and "SS" have the same lower case only by way of it. */
const folded = (text: string) => text.toUpperCase().toLowerCase().normalize("NFKC")

/** UTS 39, 4: the name in which each character has been replaced by the plainest that looks like it. */
const skeleton = (name: string) => unhomoglyph(name.normalize("NFD")).normalize("NFD")
