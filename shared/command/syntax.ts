/**
 * What a command of a person's terminal understands: its options, the words behind them, and its help. What cannot be
 * understood becomes a message of one line that names the help.
 */
import { parseArgs, type ParseArgsOptionDescriptor } from "node:util"
import { helpOf } from "./help.ts"
import { printable } from "./printable.ts"

/** An option, as `node:util` has it, and what the help says of it. */
export interface Option extends ParseArgsOptionDescriptor {
  /** What its value is called, such as "URL"; none for a flag. */
  readonly value?: string
  readonly says: string
}
export type Options = Readonly<Record<string, Option>>

/** What was given of the options; what was not given is absent. */
export type Given<O extends Options> = {
  readonly [K in keyof O]?: O[K] extends { readonly type: "boolean" } ? boolean
    : O[K] extends { readonly multiple: true } ? ReadonlyArray<string>
    : string
}

/** A command line of options `O`, which are read as an `A`. */
export interface Syntax<O extends Options, A> {
  /** How it is called, such as "npm run chaos". */
  readonly call: string
  /** What may stand behind that, such as "[-- --minutes M]"; more lines are aligned below it. */
  readonly usage: string
  /** What it does, in paragraphs. */
  readonly about: string
  readonly options: O
  /** Paragraphs behind the options: exit codes, and what else is to be known. */
  readonly closing: string
  /** The words besides options: how many, and what they name. None where it is not said. */
  readonly words?: { readonly least: number; readonly most: number; readonly what: string }
  /** Throws Misused. */
  readonly read: (given: Given<O>, words: ReadonlyArray<string>) => A
}

/** Infers the types of a syntax. */
export const syntax = <const O extends Options, A>(syntax: Syntax<O, A>): Syntax<O, A> => syntax

/** What is asked for cannot be: the message is the beginning of a line, without its full stop. */
export class Misused extends Error {}

/** What a command line comes to. */
export type Understood<A> =
  | { readonly task: "run"; readonly options: A }
  | { readonly task: "help"; readonly text: string }
  | { readonly task: "refuse"; readonly message: string }

/** Understands the words after the program's name. */
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

/** Behind "--" a word is only a word. */
const asksForHelp = (args: ReadonlyArray<string>): boolean => {
  const end = args.indexOf("--")
  const before = end === -1 ? args : args.slice(0, end)
  return before.some((word) => word === "--help" || word === "-h")
}

/** A command line that is not understood, and where the help is: npm takes options for its own until "--". */
export const refusal = (call: string, why: string) => ({
  task: "refuse" as const,
  message: `${why}: see ${call}${/^npm (?!.* -- )/.test(call) ? " --" : ""} --help`,
})

/** Of what `parseArgs` says the first sentence; the others are about minus signs. */
const whyNot = (error: unknown): string => {
  if (error instanceof Misused) return printable(error.message)
  const { code, message } = error as NodeJS.ErrnoException
  if (!code?.startsWith("ERR_PARSE_ARGS_")) throw error
  return printable(message.split(/\. (?=To specify)|\.\n/)[0] ?? "")
}
