/**
 * A database and a role for each service, in one cluster. A role owns its database and cannot even
 * connect to others. The roles' passwords are derived from the superuser's, so nothing more has to
 * be stored, and no password reveals another.
 */
import { Effect } from "effect"
import { createHmac } from "node:crypto"
import createClient from "postgres"
import { StartError } from "../start-error.ts"

/**
 * Makes the missing databases, named after their services, and returns each one's URL. Fails with
 * StartError.
 */
export const ensureDatabases = <const Service extends string>(
  superuserUrl: string,
  services: ReadonlyArray<Service>,
): Effect.Effect<Record<Service, string>, StartError> =>
  Effect.tryPromise({
    try: async () => {
      const sql = createClient(superuserUrl, { max: services.length, onnotice: () => {} })
      try {
        await sql`revoke connect on database postgres, template1 from public`
        const urls = services.map(async (service) => {
          const url = serviceUrl(superuserUrl, service)
          const role = await sql`select from pg_roles where rolname = ${service}`
          if (role.count === 0) {
            await sql.unsafe(`create role "${service}" login password '${url.password}'`)
          }
          const database = await sql`select from pg_database where datname = ${service}`
          if (database.count === 0) {
            await sql.unsafe(`create database "${service}" owner "${service}"`)
          }
          await sql.unsafe(`revoke connect on database "${service}" from public`)
          return [service, url.href] as const
        })
        return Object.fromEntries(await Promise.all(urls)) as Record<Service, string>
      } finally {
        await sql.end()
      }
    },
    catch: (cause) =>
      new StartError({
        message: `PostgreSQL could not make the services' databases: ${(cause as Error).message}`,
      }),
  })

/** The URL of a service's database, which may not exist yet. */
export const serviceUrl = (superuserUrl: string, service: string): URL => {
  const url = new URL(superuserUrl)
  url.username = service
  url.password = createHmac("sha256", url.password).update(service).digest("base64url")
  url.pathname = service
  return url
}
