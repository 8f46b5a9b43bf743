/** The JUnit file is XML, whatever a participant has answered. */
import { expect, it } from "vitest"
import { checks } from "./checks/all.ts"
import { escaped, junitOf } from "./junit.ts"
import type { Options, Report } from "./run.ts"

const nasty = `<a b="c">&amp; 'd' ]]> \n\t\r\0\x1b\ud800 \uffff é 🛵`
const meanings: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  "#9": "\t",
  "#10": "\n",
  "#13": "\r",
}
const read = (text: string) =>
  text.replace(/&([^;]*);/g, (_, name: string) => {
    const meant = meanings[name]
    if (meant === undefined) throw new Error(`There is no entity ${name}`)
    return meant
  })

/**
 * Reads the elements, as [depth, name, attributes, text before the next tag]. Throws at what is not
 * well-formed.
 */
const elementsOf = (xml: string) => {
  const open: Array<string> = []
  const elements: Array<readonly [number, string, Readonly<Record<string, string>>, string]> = []
  const tag = /<(\/?)([a-z]+)((?: [a-z]+="[^"<>]*")*)(\/?)>([^<>]*)/gy
  tag.lastIndex = xml.indexOf("<testsuites")
  while (tag.lastIndex < xml.length) {
    const found = tag.exec(xml)
    if (found === null) throw new Error("There is something that is not a tag")
    const [, end, name = "", attributes = "", closed, text = ""] = found
    if (end) {
      if (open.pop() !== name) throw new Error(`${name} ends before it began`)
      continue
    }
    const pairs = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)]
    elements.push([
      open.length,
      name,
      Object.fromEntries(pairs.map(([, k, v]) => [k, read(v!)])),
      read(text),
    ])
    if (!closed) open.push(name)
  }
  if (open.length > 0) throw new Error(`${open.join(", ")} do not end`)
  return elements
}

it("holds everything that was said, and nothing that XML cannot hold", () => {
  const kept = ["\0", "\x1b", "\ud800", "\uffff"]
    .reduce((text, one) => text.replaceAll(one, "\ufffd"), nasty)
  expect(read(escaped(nasty))).toBe(kept)
  const [first, second, third] = checks as unknown as [
    typeof checks[0],
    typeof checks[0],
    typeof checks[0],
  ]
  const report: Report = {
    results: [
      { check: first, came: "kept", saw: nasty, tookMs: 1_500 },
      { check: second, came: "broken", saw: nasty, tookMs: 0 },
      { check: third, came: "not tried", saw: nasty, tookMs: 0 },
    ],
    before: 1,
    after: 1,
    held: [],
    askedAgain: 0,
    stopped: undefined,
  }
  const options = { url: "http://localhost", resource: nasty, seed: 1 } as Options
  const xml = junitOf(report, options)
  expect(xml).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites /)
  const elements = elementsOf(xml)
  const saw = read(escaped(nasty))
  expect(
    elements.filter(([, name]) => name === "testcase").map(([depth, , { name }]) => [depth, name]),
  )
    .toEqual([[2, first.name], [2, second.name], [2, third.name]])
  const [, , , text] = elements.find(([, name]) => name === "failure")!
  expect(elements.find(([, name]) => name === "failure")![2]).toEqual({ message: saw })
  expect(text).toContain(saw)
  expect(elements.find(([, name]) => name === "skipped")![2]).toEqual({ message: saw })
  expect(elements.find(([, , { name }]) => name === "resource")![2]).toEqual({
    name: "resource",
    value: saw,
  })
  expect(elements[1]![2]).toMatchObject({
    tests: "3",
    failures: "1",
    errors: "0",
    skipped: "1",
    time: "1.500",
  })
})
