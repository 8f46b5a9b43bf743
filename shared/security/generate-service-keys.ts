/**
 * Makes the key pairs of the services in a folder: NAME.private.json for each service that calls
 * others, readable only by its owner, and services.public.json with all public keys; also
 * signing-keys.secret, with which auth encrypts the keys that it stores. Existing files stay, so
 * running it again is harmless.
 */
import { exportJWK, generateKeyPair, type JWK } from "jose"
import { randomBytes } from "node:crypto"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { callers, type ServiceName } from "#shared/roster.ts"
import { readIfThere, writeWhole } from "#shared/whole-file.ts"

/** The paths of the key files in a folder. */
export const keyFiles = (folder: string) => ({
  privateKey: (service: ServiceName) => join(folder, `${service}.private.json`),
  publicKeys: join(folder, "services.public.json"),
  signingKeysSecret: join(folder, "signing-keys.secret"),
})

/** Makes what is missing. Rejects if the folder cannot be written, or a key file holds no key. */
export const generateServiceKeys = async (folder: string): Promise<void> => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files = keyFiles(folder)
  const keys: Array<JWK> = []
  for (const service of callers) {
    const { d: _secret, ...publicKey } = await privateKey(files.privateKey(service), service)
    keys.push(publicKey)
  }
  const publicKeys = JSON.stringify({ keys }, null, 2)
  if (readIfThere(files.publicKeys) !== publicKeys) writeWhole(files.publicKeys, publicKeys, 0o644)
  if (readIfThere(files.signingKeysSecret) === undefined) {
    writeWhole(files.signingKeysSecret, randomBytes(32).toString("base64url"), 0o600)
  }
}

const privateKey = async (file: string, kid: string): Promise<JWK> => {
  const existing = readIfThere(file)
  if (existing !== undefined) return keyIn(file, existing)
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
  const jwk = { ...(await exportJWK(privateKey)), kid, alg: "EdDSA", use: "sig" }
  writeWhole(file, JSON.stringify(jwk), 0o600)
  return jwk
}

const keyIn = (file: string, content: string): JWK => {
  try {
    const jwk: JWK = JSON.parse(content)
    if (jwk.d !== undefined && jwk.x !== undefined) return jwk
  } catch {
    // Reported below.
  }
  throw new Error(`${file} holds no private key; remove it, and a new one is made`)
}
