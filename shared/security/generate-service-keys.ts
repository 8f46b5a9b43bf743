/**
 * Makes the services' key pairs in a folder: NAME.private.json for each that calls others, readable by its owner only,
 * and services.public.json with all public keys. Keys that are there already stay, so running it again is harmless.
 */
import { exportJWK, generateKeyPair, type JWK } from "jose"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { callers, type ServiceName } from "#shared/roster.ts"

/** The paths of the key files in a folder. */
export const keyFiles = (folder: string) => ({
  privateKey: (service: ServiceName) => join(folder, `${service}.private.json`),
  publicKeys: join(folder, "services.public.json"),
})

/** Makes what is missing. Rejects when the folder cannot be written. */
export const generateServiceKeys = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = keyFiles(folder)
  const keys: Array<JWK> = []
  for (const service of callers) {
    const { d: _secret, ...publicKey } = await privateKey(files.privateKey(service), service)
    keys.push(publicKey)
  }
  await writeFile(files.publicKeys, JSON.stringify({ keys }, null, 2))
}

const privateKey = async (file: string, kid: string): Promise<JWK> => {
  const existing = await readFile(file, "utf8").catch(() => undefined)
  if (existing !== undefined) return JSON.parse(existing) as JWK
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
  const jwk = { ...(await exportJWK(privateKey)), kid, alg: "EdDSA", use: "sig" }
  await writeFile(file, JSON.stringify(jwk), { mode: 0o600 })
  return jwk
}
