/** The orders that customers wish for, and how their clients behave. */
import fc from "fast-check"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"

/** What there is to order. A wish may name something else. */
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
 * The resource that each participant refuses as malformed, with the whole request that names it. A
 * poison order wants it.
 */
export const poison = { billing: "mallory", items: "13", slots: "13:00" }

/** The poison for this participant, if it has any. */
export const poisonFor = (name: string): string | undefined =>
  (poison as Readonly<Record<string, string>>)[name]

/** A customer's wish for an order, and how the client behaves. */
export interface Wish {
  readonly username: string
  readonly amountMinor: number
  readonly item: number
  readonly slot: string
  readonly atMs: number
  /** When the same post is sent again with the same key, after the first. */
  readonly repeats: ReadonlyArray<number>
  /** How long after its acknowledgement it is cancelled, if at all. */
  readonly cancelAfterMs?: number | undefined
  /** The steps of an earlier version of the saga, if one accepts it. */
  readonly steps?: OrderMessage["steps"] | undefined
}

/** Who cancels the order, if it is cancelled: each of the two about half of them. */
export const cancellerOf = ({ cancelAfterMs = 0 }: Wish): "customer" | "operator" =>
  cancelAfterMs % 2 === 0 ? "customer" : "operator"

/** Whether a participant refuses the order as malformed. */
export const isPoison = ({ username, item, slot }: Wish): boolean =>
  username === poison.billing || `${item}` === poison.items || slot === poison.slots

/** The idempotency keys of the wishes. A key belongs to its user: users have the same keys. */
export const keysOf = (wishes: ReadonlyArray<Wish>): ReadonlyArray<string> => {
  const times = new Map<string, number>()
  return wishes.map(({ username }) => {
    const nth = times.get(username) ?? 0
    times.set(username, nth + 1)
    return `key ${nth}`
  })
}

/** The usual one, except one time in `one`. */
export const rarely = <A>(one: number, usual: fc.Arbitrary<A>, other: fc.Arbitrary<A>) =>
  fc.oneof(
    { withCrossShrink: true },
    { weight: one - 1, arbitrary: usual },
    { weight: 1, arbitrary: other },
  )
const poisonEvery = 130

/** The steps of an earlier version of the saga. */
export const earlierSteps = fc.subarray(
  [...stepsInForce],
  { minLength: 1, maxLength: stepsInForce.length - 1 },
)

/** Most wishes are for scarce resources. */
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
  // Most come in groups, so that waves contain several.
  atMs: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(500, 3_000, 6_000) },
    { weight: 1, arbitrary: fc.nat(10_000) },
  ),
  repeats: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.nat(4_000), { maxLength: 2 }) },
  ),
  // While it is under way, or about when it is decided.
  cancelAfterMs: rarely(
    5,
    fc.constant(undefined),
    fc.oneof(fc.nat(200), fc.nat(2_000), fc.nat(20_000)),
  ),
  steps: rarely(6, fc.constant(undefined), earlierSteps),
})
