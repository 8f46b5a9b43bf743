/**
 * Removes secrets, so that new ones are made in their place: the old ones are lost. Processes that
 * use an old secret keep it until they are restarted or reconfigured; SECURITY.md says how, for
 * each kind.
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { callers, withDatabase } from "#shared/roster.ts"
import { keyFiles } from "#shared/security/generate-service-keys.ts"

const secret = (name: string) => (vault: string) => join(vault, `${name}.secret`)

/** The files of each kind, in the vault. */
const files = {
  databases: ["superuser", ...withDatabase].map(secret),
  keys: callers.map((name) => (vault: string) => keyFiles(vault).privateKey(name)),
  redis: [secret("redis")],
  upstash: [secret("upstash")],
}

export type Kind = keyof typeof files
export const kinds = Object.keys(files) as ReadonlyArray<Kind>

/**
 * Removes the secrets of a kind; `folder` has a subfolder for each container. Throws when they
 * cannot be removed.
 */
export const forgetSecrets = (folder: string, kind: Kind): void => {
  for (const file of files[kind]) rmSync(file(join(folder, "vault")), { force: true })
}
