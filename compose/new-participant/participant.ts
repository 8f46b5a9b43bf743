/** What a new participant is called in each place, all of it from its name and what it reserves. */
import { roster, type Row } from "#shared/roster.ts"

/** What a person says of it. */
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

/** The same, with all that follows from it. */
export interface Participant extends Required<Wanted> {
  readonly step: string
  /** The setting that says the balance of each resource at the first start. */
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

/** The front for Upstash listens there, in containers. */
const upstashPort = 9087

/** The one that it has, where it is made already; else the next one that is free. */
const internalPortOf = (name: string): number => {
  const rows: Readonly<Record<string, Row>> = roster
  return rows[name]?.internalPort ??
    Math.max(upstashPort, ...Object.values(rows).map(({ internalPort }) => internalPort)) + 1
}

export const participantOf = (
  { name, resource, table = pluralOf(resource), balance = "capacity" }: Wanted,
): Participant => {
  // The saga says what happens once for an order: of the service "gifts", a gift.
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
