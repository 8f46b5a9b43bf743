/**
 * The syntax of a terminal command: its options, the words after them, and its help. An invalid
 * command line becomes a message of one line that names the help.
 */
import { parseArgs, type ParseArgsOptionDescriptor } from "node:util"
import { helpOf } from "./help.ts"
import { printable } from "./printable.ts"

/** An option of `node:util`, with its description in the help. */
export interface Option extends ParseArgsOptionDescriptor {
  /** The name of its value, such as "URL"; none for a flag. */
  readonly value?: string
  readonly says: string
}
export type Options = Readonly<Record<string, Option>>

/** The given options. */
export type Given<O extends Options> = {
  readonly [K in keyof O]?: O[K] extends { readonly type: "boolean" } ? boolean
    : O[K] extends { readonly multiple: true } ? ReadonlyArray<string>
    : string
}

/** The syntax of a command line with options `O`, which are read as an `A`. */
export interface Syntax<O extends Options, A> {
  /** How it is called, such as "npm run chaos". */
  readonly call: string
  /** What may follow, such as "[-- --minutes M]"; more lines are aligned below it. */
  readonly usage: string
  /** What it does, in paragraphs. */
  readonly about: string
  readonly options: O
  /** Paragraphs after the options: exit codes, and other notes. */
  readonly closing: string
  /** The words besides options: how many, and what they name. None by default. */
  readonly words?: { readonly least: number; readonly most: number; readonly what: string }
  /** Throws Misused. */
  readonly read: (given: Given<O>, words: ReadonlyArray<string>) => A
}

/** Infers the types of a syntax. */
export const syntax = <const O extends Options, A>(syntax: Syntax<O, A>): Syntax<O, A> => syntax

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
