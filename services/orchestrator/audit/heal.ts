/**
 * Heals what no person has to decide: gives back what is held for failed orders, for orders that do
 * not exist, and where an order has no step, by the same cancel that a compensation sends.
 * Idempotent.
 */
import { Effect } from "effect"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import type { Finding } from "./finding.ts"
import { Records, type Unreached } from "./records.ts"

/** The last step's reservations are given back first, as in a saga. Fails with Unreached. */
export const heal = (
  findings: ReadonlyArray<Finding>,
): Effect.Effect<void, Unreached, Records> =>
  Effect.gen(function* () {
    const records = yield* Records
    for (const name of participantNames.toReversed()) {
      const commands = findings.flatMap(({ heal, participant }) =>
        heal !== null && participant === name ? [heal] : []
      )
      for (let at = 0; at < commands.length; at += maxBatch) {
        yield* records.apply(name, commands.slice(at, at + maxBatch))
      }
    }
  })
