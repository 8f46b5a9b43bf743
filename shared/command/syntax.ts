/** The syntax of a terminal command: its options, the words after them, and its help. */
import type { ParseArgsOptionDescriptor } from "node:util"

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
