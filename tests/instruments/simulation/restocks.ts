/** How operators adjust stock while orders are under way, and how their client behaves. */
import fc from "fast-check"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"

/** One adjustment. */
export interface Restock {
  readonly participant: ParticipantName
  /** The index of the participant's resource. One that is too high names no resource. */
  readonly resource: number
  readonly change: number
  readonly atMs: number
  /** When it is sent again with the same key, after the first time. */
  readonly repeats: ReadonlyArray<number>
}

/** Most come together with orders. Changes of stock are small, like the stock. */
export const restock: fc.Arbitrary<Restock> = fc.record({
  participant: fc.constantFrom(...participantNames),
  resource: fc.nat(3),
  change: fc.oneof(fc.constantFrom(10_00, -10_00), fc.integer({ min: -6, max: 6 }).filter(Boolean)),
  atMs: fc.oneof(fc.constantFrom(500, 3_000, 6_000), fc.nat(15_000)),
  repeats: fc.oneof(fc.constant([]), fc.array(fc.nat(2_000), { maxLength: 2 })),
})
