/** The amount of each resource before the first order. */
import type { ParticipantName } from "#shared/contracts/order-saga.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import type { Plan } from "./plan.ts"
import { resources } from "./wish.ts"

export const openingsOf = ({ wallet, stock, capacity }: Plan) => {
  const own: Partial<Record<ParticipantName, number>> = { billing: wallet, items: stock }
  return forEachParticipant((name): ReadonlyMap<string, number> =>
    new Map(resources[name].map((resource) => [resource, own[name] ?? capacity]))
  )
}
