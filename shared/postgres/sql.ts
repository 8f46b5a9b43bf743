/**
 * Statements as Effects. A statement is sent when its Effect runs, and those that run at once go out together, answered in
 * their order. Rows are decoded by a schema before anybody sees them. An error of the server, and a row that is not what the
 * schema says, is a defect: it ends the transaction, and what passes is told apart by whoever began it.
 */
import { Effect, Exit, Schema } from "effect"
import type postgres from "postgres"
import { ask, type Connection, type Rows, type Statement } from "./connection.ts"

/** A part of a statement: text of its own with values, names of tables or columns, or a value that is sent as JSON. */
export type Part = postgres.Fragment | postgres.Helper<string> | postgres.Parameter

/** What stands for $1, $2 and so on. Dates are sent as texts, of texts and numbers also arrays. */
export type Value = string | number | Date | null | ReadonlyArray<string | number | null> | Part

export type Tag<A> = (text: TemplateStringsArray, ...values: ReadonlyArray<Value>) => A

/** Runs statements: sql`delete from ...` gives the number of rows that it concerned. */
export interface Sql extends Tag<Effect.Effect<number>> {
  /** The tag of statements whose rows are wanted. Columns that the schema does not name are left out. */
  readonly rows: <A>(row: Schema.Codec<A, unknown>) => Tag<Effect.Effect<ReadonlyArray<A>>>
  /** The same, for the first row, which may be missing. */
  readonly row: <A>(row: Schema.Codec<A, unknown>) => Tag<Effect.Effect<A | undefined>>
  readonly part: Tag<Part> & ((names: string | ReadonlyArray<string>) => Part)
  readonly json: (value: postgres.JSONValue) => Part
  /** Runs a text as it is, of one statement or several. */
  readonly script: (text: string) => Effect.Effect<void>
}

/** The tag over a connection; from `end` on it sends nothing any more: what comes too late is a defect. */
export const sqlOn = (
  connection: Connection,
): { readonly sql: Sql; readonly end: () => void } => {
  const { driver } = connection
  let over = false
  const run = (make: () => Statement) =>
    Effect.suspend(() => over ? tooLate : ask(connection, make))
  const tag = <A>(of: (rows: Rows) => A): Tag<Effect.Effect<A>> => (text, ...values) =>
    Effect.map(run(() => driver(text, ...values as ReadonlyArray<string>)), of)
  const sql: Sql = Object.assign(tag(({ count }) => count), {
    rows: <A>(row: Schema.Codec<A, unknown>) => tag(decoderOf(row)),
    row: <A>(row: Schema.Codec<A, unknown>) => {
      const decode = decoderOf(row)
      return tag((rows) => decode(rows)[0])
    },
    part: driver as unknown as Sql["part"],
    json: (value: postgres.JSONValue) => driver.json(value),
    script: (text: string) => Effect.asVoid(run(() => driver.unsafe(text))),
  })
  return { sql, end: () => over = true }
}

const tooLate = Exit.die(new Error("A statement came after the end of its transaction"))

type Decoder = (rows: unknown) => ReadonlyArray<never>

/** To compile a schema takes longer than to decode thousands of rows by it. */
const decoders = new WeakMap<object, Decoder>()

const decoderOf = <A>(row: Schema.Codec<A, unknown>): (rows: unknown) => ReadonlyArray<A> => {
  const known = decoders.get(row)
  if (known !== undefined) return known
  const decode = Schema.decodeUnknownSync(Schema.Array(row))
  decoders.set(row, decode as Decoder)
  return decode
}
