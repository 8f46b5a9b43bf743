/**
 * A fourth step, made as a developer would, in a copy of the sources: `courier`, a participant that
 * has a number of couriers in each district. Everything to be edited is here: what `npm run
 * new:participant` does, and the two places that it leaves to a person.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { Edit } from "#compose/new-participant/edits.ts"
import { leftToWrite } from "#compose/new-participant/left-to-write.ts"
import type { Wanted } from "#compose/new-participant/participant.ts"
import { plan } from "#compose/new-participant/plan.ts"
import { roster } from "#shared/roster.ts"

const root = join(import.meta.dirname, "../..")
const notSources = ["node_modules", ".git", ".data"]

export const courier: Wanted = { name: "courier", resource: "district" }

/** A reason to skip, if the sources have this courier already; else undefined. */
export const whyNoFourthStep = Object.hasOwn(roster, courier.name)
  ? `skipped: shared/roster.ts has a ${courier.name} already`
  : undefined

/** The name of tests that make the fourth step; it says why they are skipped. */
export const madeHere = (name: string): string =>
  whyNoFourthStep === undefined ? name : `${name} (${whyNoFourthStep})`

export const edits: ReadonlyArray<Edit> = [...plan(courier), ...leftToWrite(courier)]

/** A copy of everything except packages, history and data; returns its folder. */
export const copySources = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-fourth-step-"))
  for (const name of readdirSync(root).filter((name) => !notSources.includes(name))) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction")
  return folder
}

export const editSources = (folder: string, edits: ReadonlyArray<Edit>): void => {
  for (const { file, edit } of edits) {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, edit(textOf(path)))
  }
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}
