/** The name of a case of the exhaustive search: one word that needs no quotes in a shell. */
import type { PointFault } from "../plan.ts"
import { participants } from "../services.ts"
import type { Setting } from "./alike.ts"
import { paces } from "./choices.ts"
import { contested, type Deviation, fields, type Race } from "./race.ts"

export type Case =
  | {
    readonly scope: "one-order"
    readonly setting: Setting
    readonly faults: ReadonlyArray<PointFault>
  }
  | { readonly scope: "race"; readonly race: Race; readonly deviations: ReadonlyArray<Deviation> }

export const nameOf = (given: Case): string => {
  if (given.scope === "one-order") {
    const { refusing, deadlineMs } = given.setting
    const faults = given.faults.map(({ point, nth, fault, forMs }) =>
      [point, nth, fault, forMs].join(":")
    )
    return joined(["one-order", refusing.join("+"), deadlineMs, faults.join(",")])
  }
  const { orders, last, pace } = given.race
  const deviations = given.deviations.map(({ at, chosen }) => `${at}:${chosen}`)
  return joined(["race", last, orders, pace, deviations.join(",")])
}

const joined = (parts: ReadonlyArray<string | number>) => parts.join("/").replaceAll(" ", "_")

/** The case of a name. Fails with a RangeError when there is no such case. */
export const caseOf = (name: string): Case => {
  const [scope, ...parts] = name.replaceAll("_", " ").split("/")
  const given = scope === "one-order"
    ? oneOrderOf(parts)
    : scope === "race"
    ? raceOf(parts)
    : undefined
  if (given === undefined || nameOf(given) !== name) {
    throw new RangeError(`The exhaustive search has no case ${JSON.stringify(name)}`)
  }
  return given
}

const list = (text: string) => text === "" ? [] : text.split(",")

const oneOrderOf = ([refusing = "", deadlineMs, faults = ""]: ReadonlyArray<string>): Case => ({
  scope: "one-order",
  setting: {
    refusing: participants.filter((name) => refusing.split("+").includes(name)),
    deadlineMs: Number(deadlineMs),
  },
  faults: list(faults).map((text) => {
    const [point = "", nth, fault = "", forMs] = text.split(":")
    return { point, nth: Number(nth), fault, forMs: Number(forMs) }
  }),
})

const raceOf = ([item, count, given, deviations = ""]: ReadonlyArray<string>): Case | undefined => {
  const last = contested.find((name) => name === item)
  const orders = fields.find((orders) => `${orders}` === count)
  const pace = paces.find((name) => name === given)
  if (last === undefined || orders === undefined || pace === undefined) return undefined
  return {
    scope: "race",
    race: { last, orders, pace },
    deviations: list(deviations).map((text) => {
      const [at, chosen] = text.split(":")
      return { at: Number(at), chosen: Number(chosen) }
    }),
  }
}
