/**
 * Everything that makes a new participant known, as data: an edit for each place. Its parts are
 * copied from those of slots under other names, so that no second copy can fall behind.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import {
  alsoFor,
  documentAlsoFor,
  type Edit,
  made,
  oneMoreIn,
  PlaceMissing,
  withLines,
} from "./edits.ts"
import { type Participant, participantOf, type Wanted } from "./participant.ts"

const root = join(import.meta.dirname!, "../..")

const ofSlots = (name: string) => {
  const file = `services/slots/${name}`
  try {
    return readFileSync(join(root, file), "utf8")
  } catch {
    throw new PlaceMissing(`it is copied from ${file}, which cannot be read`)
  }
}

/**
 * Renames slots to the new participant. All words at once, since its own names may contain some of
 * them.
 */
const renaming = ({ name, resource, balance, opening, internalPort }: Participant) => {
  const words: Readonly<Record<string, string>> = {
    SLOT_CAPACITY: opening,
    SLOTS: name.toUpperCase(),
    "capacity of each slot": `${balance} of each ${resource}`,
    slots: name,
    9085: `${internalPort}`,
  }
  const any = new RegExp(Object.keys(words).toSorted((a, b) => b.length - a.length).join("|"), "g")
  return (text: string): string => text.replace(any, (found) => words[found]!)
}

const titled = (word: string) => `${word[0]!.toUpperCase()}${word.slice(1)}`

const folder = (participant: Participant): ReadonlyArray<Edit> => {
  const { name, resource, table, balance } = participant
  const renamed = renaming(participant)
  const field = (key: string, value: string) =>
    [new RegExp(`^  ${key}: .*$`, "m"), `  ${key}: ${value},`] as const
  return [
    {
      file: `services/${name}/service.ts`,
      what: "what it reserves",
      edit: made(() =>
        withLines([
          [
            /^\/\*\*[^]*?\*\/$/m,
            `/** ${
              titled(name)
            }: the ${balance} of each ${resource}. A participant of the order saga. */`,
          ],
          field("description", `"${titled(table)}, reserved and given back by the orchestrator."`),
          field("one", `"${resource}"`),
          field("table", `"${table}"`),
          field("key", `"${resource}"`),
          field("balance", `"${balance}"`),
          field(
            "prefill",
            `Array.from({ length: 10 }, (_, n) => ({ ${resource}: \`\${n + 1}\` }))`,
          ),
        ])(renamed(ofSlots("service.ts")))
      ),
    },
    {
      file: `services/${name}/main.ts`,
      what: "its entry",
      edit: made(() => renamed(ofSlots("main.ts"))),
    },
    {
      file: `services/${name}/README.md`,
      what: "what it is",
      edit: made(() => readmeOf(participant)),
    },
  ]
}

const readmeOf = ({ name, resource, table, balance, opening, internalPort }: Participant) =>
  `# ${name}

Keeps the ${balance} of each ${resource}, and reserves it for orders: one is taken once or not at
all, and given back once when the order is undone.

A participant of the order saga, declared in [service.ts](service.ts); the code is
\`shared/reservations\`. Its routes, answers and invariants are those of [slots](../slots/README.md),
and so are its settings, except for two: \`INTERNAL_PORT\` is ${internalPort} by default, and \`${opening}\` is the ${balance} of each ${resource} at the first start (100).

A start that finds no ${table} creates ten, "1" to "10". Later starts change nothing; add one by
\`insert into ${table} (${resource}, ${balance})\`.
`

const ofCompose = (participant: Participant): ReadonlyArray<Edit> => {
  const renamed = renaming(participant)
  const also = (what: string, pattern: RegExp) => ({ what, edit: alsoFor(renamed, pattern) })
  return [
    ...[
      also("its setting, passed on", /^ {2}SLOT_CAPACITY: .*\n/m),
      also("its container", /^ {2}slots:\n(?: {4}.*\n)+\n/m),
      also("its secrets, made by setup", /^ {6}- slots-secrets:.*\n/m),
      also("its secrets", /^ {2}slots-secrets:\n/m),
      also("the services that wait for it", /^ {6}slots: \{ condition: .*\n/gm),
      also("the services in its network", /^ {6}- slots\n/gm),
      also("its network", /^ {2}slots: \*closed\n/m),
      also("its network to PostgreSQL", /^ {2}slots-postgres: \*closed\n/m),
      also("PostgreSQL, in that network", /^ {6}- slots-postgres\n/m),
    ].map((edit) => ({ file: "compose.yaml", ...edit })),
    {
      file: "compose/development.yaml",
      ...also("its sources", /^ {2}slots:\n(?: {4}.*\n)+/m),
    },
  ]
}

const ofKubernetes = (participant: Participant): ReadonlyArray<Edit> => {
  const { name } = participant
  const renamed = renaming(participant)
  const document = (kind: string, named: string) => ({
    what: `the ${kind} ${renamed(named)}`,
    edit: documentAlsoFor(renamed, kind, named),
  })
  const cluster = "k3d/components/cloudnativepg/cluster.yaml"
  return [
    ...[
      document("Deployment", "slots"),
      document("Service", "slots"),
      document("PodDisruptionBudget", "slots"),
      document("NetworkPolicy", "slots"),
      document("NetworkPolicy", "to-slots"),
    ].map((edit) => ({ file: "k3d/base/saga.yaml", ...edit })),
    {
      file: "k3d/base/postgres.yaml",
      what: "the password of its database",
      edit: alsoFor(renamed, /^ +- secret:\n +name: database-slots\n.*\n/m),
    },
    {
      file: cluster,
      what: "the databases that roles may connect to",
      edit: oneMoreIn(/^ +- host \S+ auth[\w,]*/gm, `,${name}`),
    },
    {
      file: cluster,
      what: "its role",
      edit: alsoFor(renamed, /^ +- \{ name: slots, login.*\n/m),
    },
    { file: cluster, ...document("Database", "slots") },
  ]
}

/** Everything except what only the author of the step can say. */
export const plan = (wanted: Wanted): ReadonlyArray<Edit> => {
  const participant = participantOf(wanted)
  const renamed = renaming(participant)
  return [
    ...folder(participant),
    {
      file: "shared/roster.ts",
      what: "its row",
      edit: alsoFor(renamed, /^ {2}slots: \{\n(?: {4}.*\n)+ {2}\},\n/m),
    },
    {
      file: ".env.example",
      what: "the setting with its address",
      edit: alsoFor(renamed, /^#SLOTS_URL=.*\n/m),
    },
    {
      file: ".env.example",
      what: "its setting",
      edit: alsoFor(renamed, /^# slots: .*\n#SLOT_CAPACITY=100\n/m),
    },
    ...ofCompose(participant),
    ...ofKubernetes(participant),
  ]
}
