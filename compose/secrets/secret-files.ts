/**
 * The secrets of the containers: made once, kept in the vault, and copied as files to each
 * container that needs them. Existing secrets stay, so this is idempotent, and refills a
 * container's folder that was lost.
 */
import { randomBytes } from "node:crypto"
import { mkdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { callees, callers, withCounters, withDatabase, withQueue } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { readIfThere, writeWhole } from "#shared/whole-file.ts"

const redisUrl = (password: string, database: number) =>
  `redis://:${password}@redis:6379/${database}`

/** The files of every container, by their paths below the folder that has a volume for each. */
const filesOf = async (vault: string): Promise<Readonly<Record<string, string>>> => {
  await generateServiceKeys(vault)
  const { privateKey, publicKeys, signingKeysSecret } = keyFiles(vault)
  const redis = secretIn(vault, "redis")
  const upstash = secretIn(vault, "upstash")
  const files: Record<string, string> = {
    "postgres/superuser.password": secretIn(vault, "superuser"),
    "redis/password": redis,
    "redis/password.conf": `requirepass ${redis}\n`,
    "auth/signing-keys.secret": readFileSync(signingKeysSecret, "utf8"),
    "upstash/redis-url": redisUrl(redis, 0),
    "upstash/token": upstash,
  }
  for (const name of withDatabase) {
    const password = secretIn(vault, name)
    files[`postgres/${name}.password`] = password
    files[`${name}/database-url`] = `postgres://${name}:${password}@postgres:5432/${name}`
  }
  for (const name of callers) {
    files[`${name}/private-key.json`] = readFileSync(privateKey(name), "utf8")
  }
  for (const name of callees) {
    files[`${name}/services.public.json`] = readFileSync(publicKeys, "utf8")
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
    writeSecret(join(folder, path), content)
  }
}

const secretIn = (vault: string, name: string): string => {
  const file = join(vault, `${name}.secret`)
  const existing = readIfThere(file)
  if (existing !== undefined) return existing
  const secret = randomBytes(32).toString("base64url")
  writeSecret(file, secret)
  return secret
}

/**
 * Readable by all, since PostgreSQL and Redis run as other users; access depends on which container
 * mounts the volume.
 */
const writeSecret = (file: string, content: string) => {
  mkdirSync(dirname(file), { recursive: true })
  writeWhole(file, content, 0o444)
}
