/** What an earlier run has made, so that a second run changes nothing and prints the same again. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { Details } from "#shared/contracts/order.ts"
import { orderSaga } from "#shared/contracts/order-saga.ts"
import { roster } from "#shared/roster.ts"
import { leftToWrite, type Suggested } from "./left-to-write.ts"
import { participantOf, type Wanted } from "./participant.ts"

const root = join(import.meta.dirname!, "../..")

const isInSaga = (name: string): boolean => orderSaga.some((row) => row.at === name)

/** Whether a person can still undo what an earlier run has made. */
export const isUndoable = (name: string): boolean => Object.hasOwn(roster, name) && !isInSaga(name)

/** Whether an earlier run has made this participant, with the same names. */
export const isMade = (wanted: Wanted): boolean => {
  const { name, resource, table, balance } = participantOf(wanted)
  const file = join(root, `services/${name}/service.ts`)
  if (!Object.hasOwn(roster, name) || !existsSync(file)) return false
  const text = readFileSync(file, "utf8")
  return Object.entries({ table, key: resource, balance }).every(([field, value]) =>
    text.includes(`\n  ${field}: "${value}",\n`)
  )
}

/** What is still left to write. */
export const stillLeft = (wanted: Wanted): ReadonlyArray<Suggested> => {
  const { name, resource } = participantOf(wanted)
  const [row, field] = leftToWrite(wanted)
  return [
    ...isInSaga(name) ? [] : [row],
    ...Object.hasOwn(Details.fields, resource) ? [] : [field],
  ]
}
