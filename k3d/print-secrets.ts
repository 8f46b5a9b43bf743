/**
 * `node k3d/print-secrets.ts | kubectl create --filename -`: new Secrets for a cluster that `npm run k3d:up` did not make.
 * Prints passwords and private keys.
 */
import { makeSecrets } from "./secrets.ts"

console.log(JSON.stringify({ apiVersion: "v1", kind: "List", items: await makeSecrets() }))
