/**
 * Checks that a service uses its indexes. PostgreSQL keeps a prepared statement's plan, also one
 * that it made while the table was tiny and any plan would do. So every query runs while the table
 * is tiny, often enough for PostgreSQL to keep the plan, and once more when it is large. Then
 * auto_explain reports what was done: not PostgreSQL's plan for a new query, but what this
 * connection did with the plans that it has kept.
 */
import { Effect } from "effect"
import type { Sql } from "postgres"
import type { Database } from "#shared/postgres/database.ts"
import type { TappedPostgres } from "./tapped-postgres.ts"

/** A query of a service to its database. */
export interface Question {
  readonly ask: Effect.Effect<unknown, unknown>
  /** The indexes by which it may find its rows. */
  readonly by: ReadonlyArray<string>
  /** The most rows that any part of a plan may read. */
  readonly reads: number
}

/** The queries of the nth run, each about this many rows. */
export type Questions = (nth: number, count: number) => Readonly<Record<string, Question>>

export interface Subject {
  /** What the queries run on: one connection, over the tapped line. */
  readonly database: Database["Service"]
  readonly tapped: TappedPostgres
  /** Not through the service. */
  readonly sql: Sql
  /** The tables that grow. */
  readonly tables: ReadonlyArray<string>
  readonly grow: (from: number, to: number) => Effect.Effect<void>
  readonly questions: Questions
}

/** The rows of a large table. */
export const manyRows = 20_000

/** How many rows the queries are about once the table is large. */
const batch = 100

/** From the sixth execution on, PostgreSQL may keep a plan for good. */
const executions = 12

/**
 * Runs everything while the tables have `few` rows, which PostgreSQL knows unless there are none;
 * lets the tables grow; and reports which queries are not answered by index then, and why.
 */
export const badlyPlannedAt = (
  few: number,
  { database, tapped, sql, tables, grow, questions }: Subject,
): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.gen(function* () {
    const eachTable = (statement: (table: string) => string) =>
      Effect.promise(() => sql.unsafe(tables.map(statement).join(";")))
    // Autovacuum would have everything planned again some time later.
    yield* eachTable((table) => `alter table ${table} set (autovacuum_enabled = false)`)
    yield* grow(1, few)
    if (few > 0) yield* eachTable((table) => `analyze ${table}`)
    for (let nth = 1; nth <= executions; nth++) {
      for (const { ask } of Object.values(questions(nth, 1))) yield* ask
    }
    yield* grow(few + 1, manyRows)
    const tell = (settings: string) => database.query((sql) => sql.script(settings))
    yield* tell(`load 'auto_explain'; set auto_explain.log_level = notice;
      set auto_explain.log_format = json; set auto_explain.log_analyze = on;
      set auto_explain.log_timing = off; set auto_explain.log_min_duration = 0`)
    const wrong: Array<string> = []
    for (const [name, question] of Object.entries(questions(executions + 1, batch))) {
      const before = tapped.notices.length
      yield* question.ask
      const scans = tapped.notices.slice(before).flatMap(scansIn)
        .filter(({ table }) => tables.includes(table))
      wrong.push(...wrongIn(scans, question).map((why) => `${name}: ${why}`))
    }
    return wrong
  })

const wrongIn = (scans: ReadonlyArray<Scan>, { by, reads }: Question): ReadonlyArray<string> => {
  if (scans.length === 0 && reads > 0) return ["nothing was read"]
  return scans
    .filter(({ index, rows }) => index === undefined || !by.includes(index) || rows > reads)
    .map(({ kind, table, index, rows, statement }) =>
      `${kind} of ${table} by ${index ?? "no index"} reads ${rows} rows, not ${reads}: ${statement}`
    )
}

/** A part of a plan that reads a table. */
interface Scan {
  readonly statement: string
  /** For example "Seq Scan" or "Index Scan". */
  readonly kind: string
  readonly table: string
  readonly index: string | undefined
  /** The rows that it read, including those that it filtered out. */
  readonly rows: number
}

interface Node {
  readonly "Node Type": string
  readonly "Relation Name"?: string
  readonly "Index Name"?: string
  readonly "Actual Rows": number
  readonly "Actual Loops": number
  readonly "Rows Removed by Filter"?: number
  readonly "Rows Removed by Index Recheck"?: number
  readonly Plans?: ReadonlyArray<Node>
}

/** The scans of a plan, if the notice has one. */
const scansIn = (remark: string): ReadonlyArray<Scan> => {
  const [, json] = /^duration: .*? plan:\n(.*)/s.exec(remark) ?? []
  if (json === undefined) return []
  const { "Query Text": text, Plan: plan } = JSON.parse(json) as {
    readonly "Query Text": string
    readonly Plan: Node
  }
  const statement = text.replace(/\s+/g, " ").trim()
  const within = (node: Node): ReadonlyArray<Scan> => [
    ...scanOf(node, statement),
    ...(node.Plans ?? []).flatMap(within),
  ]
  return within(plan)
}

const scanOf = (node: Node, statement: string): ReadonlyArray<Scan> => {
  const { "Node Type": kind, "Relation Name": table, Plans: [first] = [] } = node
  // Only parts that read or change a table name one.
  if (table === undefined || kind === "ModifyTable") return []
  const leftOut = (node["Rows Removed by Filter"] ?? 0) +
    (node["Rows Removed by Index Recheck"] ?? 0)
  const rows = Math.round((node["Actual Rows"] + leftOut) * node["Actual Loops"])
  // In a bitmap scan, the part below has the index.
  return [{ statement, kind, table, index: node["Index Name"] ?? first?.["Index Name"], rows }]
}
