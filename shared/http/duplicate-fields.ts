/**
 * Finds the field of a JSON text that stands twice in one object: JSON.parse keeps the last and says nothing, others keep
 * the first, so that what one checks need not be what another one does (RFC 8259, section 4).
 */

/** How many fields all objects of the value have. */
const fieldsOf = (value: object): number => {
  if (Array.isArray(value)) {
    let count = 0
    for (const item of value) if (typeof item === "object" && item !== null) count += fieldsOf(item)
    return count
  }
  const names = Object.keys(value)
  let count = names.length
  for (const name of names) {
    const inner = (value as Readonly<Record<string, unknown>>)[name]
    if (typeof inner === "object" && inner !== null) count += fieldsOf(inner)
  }
  return count
}

const colon = 0x3a
const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

/** How many fields are written in a text that is JSON without escapes: a colon follows the names, and only them. */
const fieldsIn = (text: string): number => {
  let count = 0
  let at = text.indexOf('"')
  while (at >= 0) {
    at = text.indexOf('"', at + 1) + 1
    while (isSpace(text.charCodeAt(at))) at++
    if (text.charCodeAt(at) === colon) count++
    at = text.indexOf('"', at)
  }
  return count
}

/** The name that stands twice. */
const firstDuplicate = (text: string): string | undefined => {
  const open: Array<Set<string>> = []
  let last = ""
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}:]/g)) {
    if (token === "{") open.push(new Set())
    else if (token === "}") open.pop()
    else if (token !== ":") last = token
    else {
      const names = open.at(-1)
      const name = JSON.parse(last) as string
      if (names?.has(name)) return name
      names?.add(name)
    }
  }
  return undefined
}

/** The name of a field that stands twice in one object of the text, of which `value` was parsed; nothing when none does. */
export const duplicateField = (text: string, value: unknown): string | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  // Names with escapes are not counted: V8 gives the second of two the name "\\".
  const isPlain = !text.includes("\\")
  // What stands twice is rare, and a count takes a tenth of what a look at every name does.
  return isPlain && fieldsOf(value) === fieldsIn(text) ? undefined : firstDuplicate(text)
}
