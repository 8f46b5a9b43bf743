/**
 * nginx's configuration language, as far as a test has to read it: directives, and the blocks that
 * they open.
 */

export interface Directive {
  readonly name: string
  readonly words: ReadonlyArray<string>
  readonly block: ReadonlyArray<Directive>
}

const token =
  /\s+|#.*|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([{};])|((?:\\.|\$\{\w+\}|[^\s;{}])+)/gy

/** The directives of a text. Throws if it is not nginx's language. */
export const parseNginx = (text: string): ReadonlyArray<Directive> => {
  const open: Array<Array<Directive>> = [[]]
  const heads: Array<ReadonlyArray<string>> = []
  let words: Array<string> = []
  const add = ([name = "", ...rest]: ReadonlyArray<string>, block: ReadonlyArray<Directive>) =>
    open.at(-1)!.push({ name, words: rest, block })
  let read = 0
  for (const [whole, double, single, mark, bare] of text.matchAll(token)) {
    read += whole.length
    const word = double ?? single ?? bare
    if (word !== undefined) words.push(word)
    if (mark === undefined) continue
    if (mark === ";") add(words, [])
    if (mark === "{") {
      heads.push(words)
      open.push([])
    }
    if (mark === "}") {
      const block = open.pop()!
      add(heads.pop() ?? [], block)
    }
    words = []
  }
  if (read !== text.length || open.length !== 1) {
    throw new Error(`not understood after: ${text.slice(0, read).slice(-80)}`)
  }
  return open[0]!
}

/** All directives of a name, at any depth, each with those around it, outermost first. */
export const directives = (
  all: ReadonlyArray<Directive>,
  name: string,
  around: ReadonlyArray<Directive> = [],
): ReadonlyArray<{ readonly it: Directive; readonly around: ReadonlyArray<Directive> }> =>
  all.flatMap((it) => [
    ...(it.name === name ? [{ it, around }] : []),
    ...directives(it.block, name, [...around, it]),
  ])
