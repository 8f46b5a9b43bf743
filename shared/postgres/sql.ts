/**
 * Statements as Effects. A statement is sent when its Effect runs; concurrent ones go out together
 * and are answered in order. Rows are decoded by a schema. An error of the server, or a row that
 * does not fit the schema, is a defect: it ends the transaction, and the caller that began it
 * classifies the error.
 */
import { Effect, Exit, Schema } from "effect"
import type postgres from "postgres"
import { ask, type Connection, type Rows, type Statement } from "./connection.ts"

/**
 * A part of a statement: text with its own values, names of tables or columns, or a value sent as
 * JSON.
 */
export type Part = postgres.Fragment | postgres.Helper<string> | postgres.Parameter

/** A value for $1, $2 and so on. Dates are sent as texts; arrays hold texts or numbers. */
export type Value = string | number | Date | null | ReadonlyArray<string | number | null> | Part

export type Tag<A> = (text: TemplateStringsArray, ...values: ReadonlyArray<Value>) => A

/** Runs statements: sql`delete from ...` returns the number of affected rows. */
export interface Sql extends Tag<Effect.Effect<number>> {
  /** The tag of statements that return rows. Columns that the schema does not name are dropped. */
  readonly rows: <A>(row: Schema.Codec<A, unknown>) => Tag<Effect.Effect<ReadonlyArray<A>>>
  /** Like `rows`, for the first row, which may be missing. */
  readonly row: <A>(row: Schema.Codec<A, unknown>) => Tag<Effect.Effect<A | undefined>>
  readonly part: Tag<Part> & ((names: string | ReadonlyArray<string>) => Part)
  readonly json: (value: postgres.JSONValue) => Part
  /** Runs a text of one or more statements unchanged. */
  readonly script: (text: string) => Effect.Effect<void>
}

/** The tag over a connection. After `end`, a statement is a defect. */
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

/** Cached: compiling a schema takes longer than decoding thousands of rows. */
const decoders = new WeakMap<object, Decoder>()

const decoderOf = <A>(row: Schema.Codec<A, unknown>): (rows: unknown) => ReadonlyArray<A> => {
  const known = decoders.get(row)
  if (known !== undefined) return known
  const decode = Schema.decodeUnknownSync(Schema.Array(row))
  decoders.set(row, decode as Decoder)
  return decode
}
