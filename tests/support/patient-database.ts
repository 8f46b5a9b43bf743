/**
 * The URL of a database that never aborts a statement because the machine is slow: it would be sent
 * again.
 */
export const patient = (databaseUrl: string): string => {
  const url = new URL(databaseUrl)
  url.searchParams.set("statement_timeout", "0")
  url.searchParams.set("lock_timeout", "0")
  return url.href
}
