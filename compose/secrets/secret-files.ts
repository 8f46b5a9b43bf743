/**
 * The secrets of the containers: made once, kept in the vault, and handed out as files, to each container only its own.
 * What is in the vault stays, so running it again is harmless, and a container's folder that was lost is filled again.
 */
import { randomBytes } from "node:crypto"
import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { callees, callers, withCounters, withDatabase, withQueue } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"

const redisUrl = (password: string, database: number) =>
  `redis://:${password}@redis:6379/${database}`

/** The files of every container, by their paths below the folder that holds a volume for each. */
const filesOf = async (vault: string): Promise<Readonly<Record<string, string>>> => {
  await generateServiceKeys(vault)
  const { privateKey, publicKeys } = keyFiles(vault)
  const redis = await secretIn(vault, "redis")
  const upstash = await secretIn(vault, "upstash")
  const files: Record<string, string> = {
    "postgres/superuser.password": await secretIn(vault, "superuser"),
    "redis/password": redis,
    "redis/password.conf": `requirepass ${redis}\n`,
    "upstash/redis-url": redisUrl(redis, 0),
    "upstash/token": upstash,
  }
  for (const name of withDatabase) {
    const password = await secretIn(vault, name)
    files[`postgres/${name}.password`] = password
    files[`${name}/database-url`] = `postgres://${name}:${password}@postgres:5432/${name}`
  }
  for (const name of callers) {
    files[`${name}/private-key.json`] = await readFile(privateKey(name), "utf8")
  }
  for (const name of callees) {
    files[`${name}/services.public.json`] = await readFile(publicKeys, "utf8")
  }
  for (const name of withQueue) {
    files[`${name}/queue-url`] = redisUrl(redis, 0)
    files[`${name}/queue-token`] = upstash
  }
  for (const name of withCounters) files[`${name}/rate-limit-url`] = redisUrl(redis, 1)
  return files
}

/** Makes what is missing in the folder. Rejects when it cannot be written. */
export const makeSecrets = async (folder: string): Promise<void> => {
  const files = await filesOf(join(folder, "vault"))
  for (const [path, content] of Object.entries(files)) {
    await writeSecret(join(folder, path), content)
  }
}

const secretIn = async (vault: string, name: string): Promise<string> => {
  const file = join(vault, `${name}.secret`)
  const existing = await readFile(file, "utf8").catch(() => undefined)
  if (existing !== undefined) return existing
  const secret = randomBytes(32).toString("base64url")
  await writeSecret(file, secret)
  return secret
}

/** Whole or not at all: a secret that was cut off would lock everybody out for good. */
const writeSecret = async (file: string, content: string) => {
  await mkdir(join(file, ".."), { recursive: true })
  // PostgreSQL and Redis read theirs as users of their own; who sees a file is decided by who mounts its volume.
  await writeFile(`${file}.new`, content, { mode: 0o444 })
  await rename(`${file}.new`, file)
}
