/**
 * Which names a new participant may have: each name appears in code, SQL, settings, addresses and
 * manifests.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { addressName } from "#shared/config/addresses.ts"
import { OrderDetails } from "#shared/contracts/order-state.ts"
import { NewOrder } from "#shared/contracts/order.ts"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import { resourceMigrations } from "#shared/reservations/resource-migrations.ts"
import { roster, type ServiceName } from "#shared/roster.ts"
import { isUndoable } from "./earlier-run.ts"
import { type Participant, participantOf, type Wanted } from "./participant.ts"
import { sqlKeywords } from "./sql-keywords.ts"

const root = join(import.meta.dirname!, "../..")
/** Empty when there is no such file; the plan reports it. */
const textOf = (file: string) => {
  const path = join(root, file)
  return existsSync(path) ? readFileSync(path, "utf8") : ""
}

/** Names that PostgreSQL, its tools or a network use for something else. */
const ofOthers = [
  ...["public", "none", "superuser", "template0", "template1"],
  ...["replication", "sameuser", "samerole", "samegroup"],
  "localhost",
]

const pattern = /^[a-z][a-z0-9]{1,29}$/

/** Whether code cannot use the word as a name, the service's own code included. */
const isReserved = (word: string): boolean => {
  const imported = ["service.ts", "main.ts"].map((file) => textOf(`services/slots/${file}`))
  if (
    word in {} || word === "undefined" ||
    imported.some((text) => text.includes(`import { ${word} }`))
  ) return true
  try {
    // In a module, "await" is reserved, as in an async function; "undefined" only for types.
    new Function(`"use strict"; async () => { const ${word} = 0; return ${word} }`)
    return false
  } catch {
    return true
  }
}

/** The tables and columns that every participant has besides its own. */
const ofEveryParticipant = ({ balance }: Participant): ReadonlySet<string> => {
  const folder = "shared/reservations/migrations"
  const files = readdirSync(join(root, folder)).map((name) => textOf(`${folder}/${name}`))
  const own = resourceMigrations({ table: "", key: "", balance, one: "" })
    .map(({ text }) => String(text))
  const statements = [...files, ...own].join("\n").replaceAll(/--.*$/gm, "")
  return new Set([balance, ...statements.match(/\w+/g) ?? []])
}

const isSet = (setting: string) => textOf(".env.example").includes(`\n#${setting}=`)

/**
 * Whether a container, network or volume of Compose has the name, or an object in the Kubernetes
 * namespace.
 */
const isUsed = (name: string) =>
  new RegExp(`^  ${name}(?:-secrets)?:`, "m").test(textOf("compose.yaml")) ||
  ["saga", "network-policies", "ingress"].some((file) =>
    textOf(`k3d/base/${file}.yaml`).includes(`\n  name: ${name}\n`)
  )

const wrongName = ({ name, step, opening }: Participant): string | undefined => {
  if (Object.hasOwn(roster, name)) {
    const undo = isUndoable(name) ? "; docs/add-a-step.md says how to undo a run" : ""
    return `it exists already: it has a row in shared/roster.ts${undo}`
  }
  if (isReserved(name)) return "code uses that word for something else"
  if (sqlKeywords.has(name) || ofOthers.includes(name)) {
    return "PostgreSQL or the network uses that word for something else"
  }
  if (isUsed(name)) return "compose.yaml or k3d/base has something of that name"
  for (const setting of [addressName(name as ServiceName), opening]) {
    if (isSet(setting)) return `there is a setting ${setting} already`
  }
  if (orderSaga.some((row) => row.step === step)) return `the saga has a step ${step} already`
  return undefined
}

const wrongWord = (participant: Participant, word: string): string | undefined => {
  if (sqlKeywords.has(word)) return "it is a keyword of SQL"
  return ofEveryParticipant(participant).has(word)
    ? "every participant has a table or a column of that name"
    : undefined
}

const fieldsOfOrder: ReadonlySet<string> = new Set([
  ...Object.keys(OrderDetails.fields),
  ...NewOrder.members.flatMap(({ fields }) => Object.keys(fields)),
])

/** Why a participant cannot have these names, as a person named them; undefined when it can. */
export const wrongIn = (wanted: Wanted): string | undefined => {
  const participant = participantOf(wanted)
  const { name, resource, table } = participant
  const words = { [name]: name, [`--resource ${resource}`]: resource, [`--table ${table}`]: table }
  for (const [said, word] of Object.entries(words)) {
    if (!pattern.test(word)) return `${said}: 2 to 30 of a-z and 0-9, beginning with a letter`
  }
  const ofName = wrongName(participant)
  if (ofName !== undefined) return `${name}: ${ofName}`
  const ofResource = fieldsOfOrder.has(resource)
    ? "an order has a field of that name already"
    : wrongWord(participant, resource)
  if (ofResource !== undefined) return `--resource ${resource}: ${ofResource}`
  const ofTable = table === resource
    ? "it is the name of the resource, and of the key"
    : wrongWord(participant, table)
  return ofTable === undefined ? undefined : `--table ${table}: ${ofTable}`
}
