/** What customers wish for: orders, and how their clients behave. */
import fc from "fast-check"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"

/** What there is to order; a wish may be for something else. */
export const usernames = ["ann", "bob", "cy"]
export const itemIds = ["1", "2", "3", "4"]
export const slotTimes = ["00:00", "01:00", "02:00"]

/** The resources of each participant: what orders for these things take there. */
export const resources = forEachParticipant((_, { takes }): ReadonlyArray<string> => {
  const taken = usernames.flatMap((username) =>
    itemIds.flatMap((item) =>
      slotTimes.map((slot) =>
        takes({ username, amountMinor: 1, details: { item: Number(item), slot } })[0]
      )
    )
  )
  return [...new Set(taken)]
})

/**
 * What participants refuse as malformed, and with it the whole request that it is in: a poison
 * order wants it.
 */
export const poison = { billing: "mallory", items: "13", slots: "13:00" }

/** The poison for this participant, if it has any. */
export const poisonFor = (name: string): string | undefined =>
  (poison as Readonly<Record<string, string>>)[name]

/** One customer's wish for one order, and how its client behaves. */
export interface Wish {
  readonly username: string
  readonly amountMinor: number
  readonly item: number
  readonly slot: string
  readonly atMs: number
  /** Posts of the same order with the same key that are sent besides the first. */
  readonly repeats: ReadonlyArray<number>
  /** How long after it was acknowledged it is cancelled, if at all. */
  readonly cancelAfterMs?: number | undefined
  /** The steps of the earlier version of the saga that accepts it, if it is not today's. */
  readonly steps?: OrderMessage["steps"] | undefined
}

/** Who cancels the order, if it is cancelled: of many each does about half. */
export const cancellerOf = ({ cancelAfterMs = 0 }: Wish): "customer" | "operator" =>
  cancelAfterMs % 2 === 0 ? "customer" : "operator"

/** Whether a participant refuses the order as malformed. */
export const isPoison = ({ username, item, slot }: Wish): boolean =>
  username === poison.billing || `${item}` === poison.items || slot === poison.slots

/**
 * The idempotency keys of the wishes. A key belongs to its user: different users have the same
 * ones.
 */
export const keysOf = (wishes: ReadonlyArray<Wish>): ReadonlyArray<string> => {
  const times = new Map<string, number>()
  return wishes.map(({ username }) => {
    const nth = times.get(username) ?? 0
    times.set(username, nth + 1)
    return `key ${nth}`
  })
}

/** Now and then something else. */
export const rarely = <A>(one: number, usual: fc.Arbitrary<A>, other: fc.Arbitrary<A>) =>
  fc.oneof(
    { withCrossShrink: true },
    { weight: one - 1, arbitrary: usual },
    { weight: 1, arbitrary: other },
  )
const poisonEvery = 130

/** Most are for things of which there is not enough. */
export const wish: fc.Arbitrary<Wish> = fc.record({
  username: rarely(poisonEvery, fc.constantFrom(...usernames), fc.constant(poison.billing)),
  amountMinor: fc.constantFrom(10_10, 19_99, 33_33, 50_05),
  item: rarely(
    poisonEvery,
    rarely(30, fc.constantFrom(...itemIds.map(Number)), fc.constant(99)),
    fc.constant(Number(poison.items)),
  ),
  slot: rarely(
    poisonEvery,
    fc.constantFrom(...slotTimes, "19:00"),
    fc.constant(poison.slots),
  ),
  // Most come in crowds, so that waves are of several.
  atMs: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(500, 3_000, 6_000) },
    { weight: 1, arbitrary: fc.nat(10_000) },
  ),
  repeats: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.nat(4_000), { maxLength: 2 }) },
  ),
  // While it is under way, or about when it would be decided.
  cancelAfterMs: rarely(
    5,
    fc.constant(undefined),
    fc.oneof(fc.nat(200), fc.nat(2_000), fc.nat(20_000)),
  ),
  steps: rarely(
    6,
    fc.constant(undefined),
    fc.subarray([...stepsInForce], { minLength: 1, maxLength: stepsInForce.length - 1 }),
  ),
})
