/**
 * A fourth step made for real, as a developer would, in a copy of the sources: `parcels`, a participant that has boxes of two
 * sizes. What is here is all that has to be edited. Most of it is what slots have already, once more under another name.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const root = join(import.meta.dirname, "../..")
const copied = [
  ...["package.json", "deno.json", "tsconfig.json", "compose.yaml", ".env.example"],
  ...["services", "shared", "compose", "k3d", "tests/roster", "tests/k3d"],
]

type Edit = (text: string) => string

const asParcels: Edit = (text) =>
  text.replaceAll("slots", "parcels").replaceAll("SLOTS", "PARCELS")
    .replaceAll("SLOT_CAPACITY", "PARCEL_STOCK").replaceAll("9085", "9089")

/** Each match once more, for parcels. */
const alsoParcels = (pattern: RegExp): Edit => (text) => {
  if (!pattern.test(text)) throw new Error(`There is no ${pattern}`)
  return text.replace(pattern, (found) => found + asParcels(found))
}

const replacing = (what: string, by: string): Edit => (text) => {
  if (!text.includes(what)) throw new Error(`There is no ${what}`)
  return text.replace(what, () => by)
}

const inTurn = (...edits: ReadonlyArray<Edit>): Edit => (text) =>
  edits.reduce((edited, edit) => edit(edited), text)

/** A document of YAML, with the line before it. */
const documentOf = (name: string) =>
  new RegExp(`---\\n(?:(?!---\\n)[^\\n]*\\n)*?  name: ${name}\\n(?:(?!---\\n)[^\\n]*\\n)*`, "g")

const service = `/** Parcels: the boxes that orders are sent in. A participant of the order saga. */
import { participant } from "#shared/reservations/participant.ts"

export const parcels = participant({
  name: "parcels",
  description: "Boxes, reserved and given back by the orchestrator.",
  one: "box",
  table: "boxes",
  key: "size",
  balance: "stock",
  prefill: [{ size: "small" }, { size: "large" }],
  opening: "PARCEL_STOCK",
})
`

const main = `/** The entry of the parcels service. */
import { run } from "#shared/service/service.ts"
import { parcels } from "./service.ts"

run(parcels)
`

/** The files, from the root of the project; a file that is not there is made. */
export const edits: Readonly<Record<string, Edit>> = {
  "shared/contracts/order-saga.ts": replacing(
    "] as const satisfies ReadonlyArray<Step>",
    `  {
    step: "parcel",
    at: "parcels",
    takes: ({ details }) => [details.box ?? "small", 1],
    refusal: "No box is left",
    scarce: true,
  },
] as const satisfies ReadonlyArray<Step>`,
  ),
  "shared/contracts/order.ts": replacing(
    "Schema.Struct({ item: ItemId, slot: SlotTime })",
    `Schema.Struct({
  item: ItemId,
  slot: SlotTime,
  box: Schema.optionalKey(Schema.Literals(["small", "large"])),
})`,
  ),
  "shared/roster.ts": alsoParcels(/^ {2}slots: \{\n(?: {4}.*\n)+ {2}\},\n/m),
  "services/parcels/service.ts": () => service,
  "services/parcels/main.ts": () => main,
  "services/parcels/README.md": () => "# parcels\n\nThe boxes that orders are sent in.\n",
  ".env.example": inTurn(
    alsoParcels(/^#SLOTS_URL=.*\n/m),
    alsoParcels(/^#SLOT_CAPACITY=100\n/m),
  ),
  "compose.yaml": inTurn(
    alsoParcels(/^ {2}slots:\n(?: {4}.*\n)+\n/m),
    alsoParcels(/^ {6}slots: .*\n/gm),
    alsoParcels(/^ {6}- slots\n/gm),
    alsoParcels(/^ +(?:- )?(?:slots-secrets|SLOT_CAPACITY|slots-postgres)\b.*\n/gm),
    alsoParcels(/^ {2}slots: \*closed\n/m),
    replacing(
      "orders-postgres, slots-postgres]",
      "orders-postgres, slots-postgres, parcels-postgres]",
    ),
    // Who collects telemetry meets each of them.
    replacing(
      "[outside, billing, orders, items, slots]",
      "[outside, billing, orders, items, slots, parcels]",
    ),
  ),
  "compose/development.yaml": alsoParcels(/^ {2}slots:\n(?: {4}.*\n)+/m),
  "k3d/base/postgres.yaml": alsoParcels(/^ +- secret:\n +name: database-slots\n.*\n/m),
  "k3d/base/saga.yaml": alsoParcels(documentOf("(?:to-)?slots")),
  "k3d/components/cloudnativepg/cluster.yaml": inTurn(
    alsoParcels(/^ +- \{ name: slots, login.*\n/m),
    alsoParcels(documentOf("slots")),
    (text) => text.replaceAll("orders,slots", "orders,slots,parcels"),
  ),
}

/** A copy of the sources, with or without the edits; gives its folder. */
export const copySources = (edited: boolean): string => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-fourth-step-"))
  for (const name of copied) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction")
  for (const [file, edit] of Object.entries(edited ? edits : {})) {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, edit(textOf(path)))
  }
  return folder
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
