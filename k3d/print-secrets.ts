/**
 * `node k3d/print-secrets.ts | kubectl create --filename -`: new Secrets for a cluster that `npm
 * run k3d:up` did not make. `node k3d/print-secrets.ts NAME... | kubectl replace --filename -`:
 * replaces the named ones. Prints passwords and private keys.
 */
import { optionsOf } from "#shared/command/command.ts"
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { makeSecrets } from "./secrets.ts"

const secrets = await makeSecrets()
const known = secrets.map(({ metadata }) => metadata.name)

const printSyntax = syntax({
  call: "node k3d/print-secrets.ts",
  usage: "[NAME...]",
  about:
    `Prints new Secrets for kubectl, with passwords and private keys: all, or only the named ones:
${known.join(", ")}.`,
  options: {},
  closing: "Exits with 0, or with 2 when there is no such Secret.",
  words: { least: 0, most: Infinity, what: "names of Secrets" },
  read: (_, names) => {
    const unknown = names.find((name) => !known.includes(name))
    if (unknown !== undefined) {
      throw new Misused(`There is no ${JSON.stringify(unknown)}, but ${known.join(", ")}`)
    }
    return names
  },
})

const options = optionsOf(printSyntax, process.argv.slice(2))
if (options !== undefined) {
  const wanted = options.given
  const items = secrets.filter(({ metadata }) =>
    wanted.length === 0 || wanted.includes(metadata.name)
  )
  console.log(JSON.stringify({ apiVersion: "v1", kind: "List", items }))
}
