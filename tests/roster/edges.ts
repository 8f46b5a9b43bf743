/**
 * Who talks to whom, by the roster alone: what networks, policies and settings have to open, and
 * nothing else.
 */
import { provesUsers } from "#shared/roster.ts"
import { namesOf, type Rows } from "./held.ts"

/** Somebody who opens connections, and to whom, at which port. */
export interface Edge {
  readonly from: string
  readonly to: string
  readonly port: number
}

const stores = { postgres: 5432, redis: 6379 } as const

/** The port at which the other parts of the system reach one. */
export const portOf = (rows: Rows, name: string): number =>
  (stores as Readonly<Record<string, number>>)[name] ?? rows[name]!.internalPort

/** The services that are called and asked for keys, and the stores that are used. */
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
