/** The driver, configured as in the product, with its own pool and no more checks. */
import postgres from "postgres"

export type Sql = postgres.Sql<{ bigint: number }>

/** PostgreSQL's fixed type numbers of text[], int[], bigint[], timestamptz[] and uuid[]. */
const arrays = [1009, 1007, 1016, 1185, 2951]

const special = /["\\]/

const element = (value: string | number | null): string | number => {
  if (value === null) return "null"
  if (typeof value === "number") return value
  return `"${special.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`
}

/**
 * Opens a pool. On one connection, statements run one after another, and each is sent without
 * waiting for the answer to the one before.
 */
export const openDatabase = (url: string, connections: number): Sql =>
  postgres(url, {
    max: connections,
    max_lifetime: null,
    fetch_types: false,
    onnotice: () => {},
    types: {
      bigint: { to: 20, from: [20], parse: Number, serialize: String },
      array: {
        to: 1009,
        from: arrays,
        parse: () => undefined,
        serialize: (values: ReadonlyArray<string | number | null>) =>
          `{${values.map(element).join(",")}}`,
      },
    },
    connection: { application_name: "unwind-limit", enable_seqscan: "off" },
  })
