/** Which names are of one script, and which look alike. */
import { assert, describe, it } from "@effect/vitest"
import { isUnambiguous, keysOf } from "#services/auth/names.ts"

const ofOneScript = [
  ..."ann,Åsa,zoë.b@c+d-e_f9,...,42,пётр,Пётр.42,Ελένη,أحمد,דוד,मीरा,สมชาย,김철수,李雷,やまだ,ヤマダ太郎"
    .split(","),
  // Scripts that are written together with Latin.
  ..."tanaka田中,ヤマダtaro,李leiㄌㄟ,kim김철수金".split(","),
  "e\u0301a",
  "أحمد٣",
]
const ofMoreThanOne = [
  // Cyrillic а, Greek ο, Cyrillic е within Latin, and a Latin letter within Cyrillic.
  ..."p\u0430ypal,p\u03BFst,ann\u0435,\u0440\u0430ypal,п\u0065тр".split(","),
  ..."ٳali,٣ali,अann,김あ,ㄌ김,やㄌ,\u0531nn".split(","),
  // Not in everyday use: Cherokee, Coptic, Gothic.
  ..."ᎪᎪ,ⲁⲁ,\u{10330}\u{10331}".split(","),
  // Two kinds of digits within one script, and one kind beside those of ASCII.
  "أحمد٣۴",
  "أحمد٣4",
]
const alike = [
  // Cyrillic alone, Greek alone, digits and capitals for letters, and sequences that look like one
  // letter.
  ["scope", "\u0455\u0441\u043E\u0440\u0435"],
  ["AKTOBE", "\u0391\u039A\u03A4\u039F\u0392\u0395"],
  ["paypal", "paypaI"],
  ["paypal", "paypa1"],
  ["PayPal", "paypaI"],
  ["bob0", "bobO"],
  ["modern", "modem"],
]
const ofOneFold = [["ann", "ANN"], ["anni", "ANNI"], ["straße", "STRASSE"], ["пётр", "ПЁТР"], [
  "σοφίας",
  "ΣΟΦΊΑΣ",
]]
const different = [
  ["ann", "anna"],
  ["ali", "all"],
  ["ann", "àn"],
  ["пётр", "петр"],
  ["a.b", "ab"],
  [
    "李雷",
    "李電",
  ],
]

const withSomethingInvisible = ["ann\u034F", "an\uFE0Fn", "ann\u3164", "김\u1160"]

describe("isUnambiguous", () => {
  it("accepts a name of one script, or of scripts that are written together", () => {
    for (const name of ofOneScript) assert.isTrue(isUnambiguous(name), name)
  })

  it("refuses a mix of scripts or of digits, and scripts that are not in everyday use", () => {
    for (const name of ofMoreThanOne) assert.isFalse(isUnambiguous(name), name)
  })

  it("refuses invisible characters", () => {
    for (const name of withSomethingInvisible) {
      assert.isFalse(isUnambiguous(name.normalize("NFKC")), JSON.stringify(name))
    }
  })
})

describe("keysOf", () => {
  it("gives the same look to names that look alike", () => {
    for (const [one = "", other = ""] of alike) {
      assert.strictEqual(keysOf(one).look, keysOf(other).look, `${one} ${other}`)
    }
  })

  it("gives the same fold to names that differ in case only", () => {
    for (const [one = "", other = ""] of ofOneFold) {
      assert.strictEqual(keysOf(one).folded, keysOf(other).folded, `${one} ${other}`)
    }
  })

  it("gives different keys to other names", () => {
    for (const [one = "", other = ""] of different) {
      assert.notStrictEqual(keysOf(one).look, keysOf(other).look, `${one} ${other}`)
      assert.notStrictEqual(keysOf(one).folded, keysOf(other).folded, `${one} ${other}`)
    }
  })
})
