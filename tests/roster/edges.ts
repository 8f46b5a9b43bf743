/**
 * Who talks to whom, from the roster alone: what networks, policies and settings must open, and
 * nothing else.
 */
import { provesUsers } from "#shared/roster.ts"
import { namesOf, type Rows } from "./held.ts"

/** A connection: who opens it, to whom, at which port. */
export interface Edge {
  readonly from: string
  readonly to: string
  readonly port: number
}

const stores = { postgres: 5432, redis: 6379 } as const

/** The port at which other parts of the system reach it. */
export const portOf = (rows: Rows, name: string): number =>
  (stores as Readonly<Record<string, number>>)[name] ?? rows[name]!.internalPort

/** Calls of services, reads of auth's keys, and uses of stores. */
export const edgesOf = (rows: Rows): ReadonlyArray<Edge> =>
  namesOf(rows).flatMap((from) => {
    const { calls, database, redis } = rows[from]!
    const met = [
      ...new Set([...calls, ...(provesUsers(rows, from) ? ["auth"] : [])]),
      ...(database ? ["postgres"] : []),
      ...(redis === null ? [] : ["redis"]),
    ]
    return met.map((to) => ({ from, to, port: portOf(rows, to) }))
  })
