/** The help of a command, made from its syntax. */
import type { Option, Options, Syntax } from "./syntax.ts"

const columns = 100

const help: Option = { type: "boolean", short: "h", says: "show this help" }

/** Lines of up to 100 columns, without a final line break. */
export const helpOf = <O extends Options, A>(syntax: Syntax<O, A>): string => {
  const { call, usage, about, options, closing } = syntax
  const rows = Object.entries<Option>({ ...options, help }).map(([name, { value, says }]) =>
    [value === undefined ? `--${name}` : `--${name} ${value}`, says] as const
  )
  return [usageOf(call, usage), filled(about), tableOf(rows), filled(closing)].filter((part) =>
    part !== ""
  )
    .join("\n\n")
}

const usageOf = (call: string, usage: string): string => {
  const begin = `Usage: ${call} `
  return `${begin}${usage.replaceAll("\n", `\n${" ".repeat(begin.length)}`)}`.trimEnd()
}

/** Two columns: names and descriptions, wrapped. */
export const tableOf = (rows: ReadonlyArray<readonly [string, string]>): string => {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, says]) =>
    wrapped(says, columns - width - 4)
      .map((line, n) => `  ${(n === 0 ? name : "").padEnd(width)}  ${line}`)
      .join("\n")
  ).join("\n")
}

/** Wraps paragraphs; indented ones stay unchanged. */
const filled = (text: string): string =>
  text.split("\n\n").map((paragraph) =>
    /^ /m.test(paragraph) ? paragraph : wrapped(paragraph.replaceAll("\n", " "), columns).join("\n")
  ).join("\n\n")

const wrapped = (text: string, width: number): ReadonlyArray<string> =>
  text.split(" ").reduce<ReadonlyArray<string>>((lines, word) => {
    const last = lines.at(-1)
    return last !== undefined && last.length + 1 + word.length <= width
      ? [...lines.slice(0, -1), `${last} ${word}`]
      : [...lines, word]
  }, [])
