/**
 * All planted bugs, each of a kind that real systems shipped, and the changes that this system
 * absorbs.
 */
import type { Absorbed, Bug } from "./bug.ts"
import { absorbedOrderBugs, orderBugs } from "./order-bugs.ts"
import { participantBugs } from "./participant-bugs.ts"
import { absorbedSagaBugs, sagaBugs } from "./saga-bugs.ts"
import { waveBugs } from "./wave-bugs.ts"

export const bugs: ReadonlyArray<Bug> = [
  ...participantBugs,
  ...sagaBugs,
  ...waveBugs,
  ...orderBugs,
]

export const absorbed: ReadonlyArray<Absorbed> = [
  ...absorbedSagaBugs,
  ...absorbedOrderBugs,
]
