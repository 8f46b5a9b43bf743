/**
 * The names of a new participant in each place, derived from its name and from what it reserves.
 */
import { roster, type Row } from "#shared/roster.ts"

/** What a person specifies. */
export interface Wanted {
  /** The service, such as "courier". */
  readonly name: string
  /**
   * What an order reserves one of, such as "district": the key of the table, and the field of the
   * order.
   */
  readonly resource: string
  /** Default: the plural of the resource. */
  readonly table?: string
  /** What is counted of each resource. Default: capacity. */
  readonly balance?: Balance
}

export const balances = ["capacity", "stock"] as const
export type Balance = (typeof balances)[number]

/** The same, with everything that follows from it. */
export interface Participant extends Required<Wanted> {
  readonly step: string
  /** The setting with the balance of each resource at the first start. */
  readonly opening: string
  readonly internalPort: number
}

/** English: city, cities; box, boxes; district, districts. */
export const pluralOf = (word: string): string =>
  /[^aeiou]y$/.test(word)
    ? `${word.slice(0, -1)}ies`
    : /(?:s|x|z|ch|sh)$/.test(word)
    ? `${word}es`
    : `${word}s`

/** The port of the Upstash front, in containers. */
const upstashPort = 9087

/** The port that it has if it exists already, otherwise the next free one. */
const internalPortOf = (name: string): number => {
  const rows: Readonly<Record<string, Row>> = roster
  return rows[name]?.internalPort ??
    Math.max(upstashPort, ...Object.values(rows).map(({ internalPort }) => internalPort)) + 1
}

export const participantOf = (
  { name, resource, table = pluralOf(resource), balance = "capacity" }: Wanted,
): Participant => {
  // A step is named after what happens once for an order: a gift, for the service "gifts".
  const step = name === pluralOf(resource) ? resource : name
  return {
    name,
    resource,
    table,
    balance,
    step,
    opening: `${step}_${balance}`.toUpperCase(),
    internalPort: internalPortOf(name),
  }
}
