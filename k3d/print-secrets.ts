/**
 * `node k3d/print-secrets.ts | kubectl create --filename -`: new Secrets for a cluster that `npm run k3d:up` did not make.
 * `node k3d/print-secrets.ts NAME... | kubectl replace --filename -`: new ones in the place of some.
 * Prints passwords and private keys.
 */
import { makeSecrets } from "./secrets.ts"

const secrets = await makeSecrets()
const known = secrets.map(({ metadata }) => metadata.name)
const wanted = process.argv.slice(2)
if (wanted.some((name) => !known.includes(name))) {
  console.error(`Usage: node k3d/print-secrets.ts [NAME...], of ${known.join(", ")}`)
  process.exitCode = 2
} else {
  const items = secrets.filter(({ metadata }) =>
    wanted.length === 0 || wanted.includes(metadata.name)
  )
  console.log(JSON.stringify({ apiVersion: "v1", kind: "List", items }))
}
