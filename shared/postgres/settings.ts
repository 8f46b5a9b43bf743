/** The settings of every service that has a database. */
import { url, whole } from "#shared/config/settings.ts"

export const databaseSettings = {
  DATABASE_URL: url("the service's own PostgreSQL database (docs/postgres.md)", [
    "postgres",
    "postgresql",
  ]),
  DATABASE_POOL: whole("the most connections to open", { minimum: 2, maximum: 200 }, 10),
}
