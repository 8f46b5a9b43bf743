/**
 * Parses a command line by its syntax. An invalid one becomes a message of one line that names the
 * help.
 */
import { parseArgs } from "node:util"
import { helpOf } from "./help.ts"
import { printable } from "./printable.ts"
import type { Given, Options, Syntax } from "./syntax.ts"

/** An invalid command line; the message begins a line and has no full stop. */
export class Misused extends Error {}

/** The meaning of a command line. */
export type Understood<A> =
  | { readonly task: "run"; readonly options: A }
  | { readonly task: "help"; readonly text: string }
  | { readonly task: "refuse"; readonly message: string }

/** Parses the words after the program's name. */
export const understand = <O extends Options, A>(
  syntax: Syntax<O, A>,
  args: ReadonlyArray<string>,
): Understood<A> => {
  if (asksForHelp(args)) return { task: "help", text: helpOf(syntax) }
  const { options, words = { least: 0, most: 0, what: "" } } = syntax
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: words.most > 0,
    })
    if (positionals.length < words.least) throw new Misused(`It needs ${words.what}`)
    if (positionals.length > words.most) {
      throw new Misused(`It takes ${words.what}, and not ${JSON.stringify(positionals.at(-1))}`)
    }
    return { task: "run", options: syntax.read(values as Given<O>, positionals) }
  } catch (error) {
    return refusal(syntax.call, whyNot(error))
  }
}

/** After "--", every word is a plain word. */
const asksForHelp = (args: ReadonlyArray<string>): boolean => {
  const end = args.indexOf("--")
  const before = end === -1 ? args : args.slice(0, end)
  return before.some((word) => word === "--help" || word === "-h")
}

/**
 * The refusal of a command line, with a reference to the help; npm takes options before "--" for
 * its own.
 */
export const refusal = (call: string, why: string) => ({
  task: "refuse" as const,
  message: `${why}: see ${call}${/^npm (?!.* -- )/.test(call) ? " --" : ""} --help`,
})

/** The first sentence of the message of `parseArgs`; the others are about minus signs. */
const whyNot = (error: unknown): string => {
  if (error instanceof Misused) return printable(error.message)
  const { code, message } = error as NodeJS.ErrnoException
  if (!code?.startsWith("ERR_PARSE_ARGS_")) throw error
  return printable(message.split(/\. (?=To specify)|\.\n/)[0] ?? "")
}
