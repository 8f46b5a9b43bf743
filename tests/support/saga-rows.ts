/**
 * A value for each row of the saga's table. Tests that need one for each participant derive it
 * here, so a new row needs no edit there.
 */
import { orderSaga, type OrderStep, type ParticipantName } from "#shared/contracts/order-saga.ts"

export const forEachParticipant = <A>(
  valueOf: (name: ParticipantName, row: OrderStep) => A,
): Record<ParticipantName, A> =>
  Object.fromEntries(orderSaga.map((row) => [row.at, valueOf(row.at, row)])) as Record<
    ParticipantName,
    A
  >
