/**
 * The Secrets that the base reads. Each is self-contained, so existing Secrets stay and only
 * missing ones are made; none is ever replaced.
 */
import { randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { callers, withDatabase } from "#shared/roster.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"

export interface Secret {
  readonly apiVersion: "v1"
  readonly kind: "Secret"
  readonly type: "Opaque" | "kubernetes.io/basic-auth"
  readonly metadata: { readonly name: string; readonly namespace: "unwind" }
  readonly stringData: Readonly<Record<string, string>>
}

/** All Secrets, with new passwords and keys. */
export const makeSecrets = async (): Promise<ReadonlyArray<Secret>> => [
  login("database-superuser", "postgres", {}),
  ...withDatabase.map((name) => {
    const password = newPassword()
    const url = `postgres://${name}:${password}@postgres:5432/${name}`
    return login(`database-${name}`, name, { password, "database-url": url })
  }),
  secret("redis", redisKeys()),
  ...(await keys()),
]

const newPassword = () => randomBytes(32).toString("base64url")

const secret = (
  name: string,
  stringData: Secret["stringData"],
  type: Secret["type"] = "Opaque",
): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  type,
  metadata: { name, namespace: "unwind" },
  stringData,
})

/** Of the type that CloudNativePG uses for roles. */
const login = (name: string, username: string, more: Secret["stringData"]) =>
  secret(name, { username, password: newPassword(), ...more }, "kubernetes.io/basic-auth")

const redisKeys = () => {
  const password = newPassword()
  const url = `redis://:${password}@redis:6379`
  return {
    password,
    "password.conf": `requirepass ${password}\n`,
    "queue-url": `${url}/0`,
    // For a queue that requires one, such as Upstash.
    "queue-token": "",
    "rate-limit-url": `${url}/1`,
  }
}

/** In separate Secrets, since a Secret of an older version is never extended. */
const keys = async () => {
  const folder = await mkdtemp(join(tmpdir(), "unwind-keys-"))
  try {
    await generateServiceKeys(folder)
    const { privateKey, publicKeys, signingKeysSecret } = keyFiles(folder)
    const contentsOf = async (files: ReadonlyArray<string>) =>
      Object.fromEntries(
        await Promise.all(
          files.map(async (file) => [basename(file), await readFile(file, "utf8")] as const),
        ),
      )
    return [
      secret("service-keys", await contentsOf([...callers.map(privateKey), publicKeys])),
      secret("signing-keys", await contentsOf([signingKeysSecret])),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}
