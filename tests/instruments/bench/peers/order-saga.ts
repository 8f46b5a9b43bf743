/**
 * The order saga as a sequence of actions, each of which depends on the answers so far. So every
 * engine runs the same saga, and only decides how an action is made durable.
 */
import { setTimeout as wait } from "node:timers/promises"
import { mark, type Order, type Refusal } from "./orders.ts"
import { type Command, type ParticipantName, send } from "./participants.ts"

const firstWaitMs = 50
const mostRetries = 8

/** One call or write, which an engine records as a step. */
export interface Action {
  readonly name: string
  /** Resolves with false if a reserve was rejected. */
  readonly run: () => Promise<boolean>
}

/** Returns why the order failed, or null. */
export type OrderSaga = Generator<Action, Refusal | null, boolean>

/**
 * Reserves the money, the item and the slot; if one is rejected, gives back the others, last first;
 * then marks the order.
 */
export function* orderSaga(order: Order): OrderSaga {
  const reserved: Array<Step> = []
  let refusal: Refusal | null = null
  for (const step of steps(order)) {
    if (yield step.reserve) {
      reserved.unshift(step)
      continue
    }
    for (const { cancel } of reserved) yield cancel
    refusal = step.refusal
    break
  }
  yield { name: "mark", run: () => mark(order.id, refusal).then(() => true) }
  return refusal
}

/** Runs the saga to its end, with each action as the engine runs it. */
export const runSaga = async (
  order: Order,
  durably: (action: Action) => Promise<boolean>,
): Promise<Refusal | null> => {
  const saga = orderSaga(order)
  let next = saga.next()
  while (!next.done) next = saga.next(await durably(next.value))
  return next.value
}

/**
 * Runs an action, and retries it if it fails: for an engine without cheap retries. A participant
 * may be away for a moment, and a repeated command has the same answer.
 */
export const persistently = async (action: Action, failed = 0): Promise<boolean> => {
  try {
    return await action.run()
  } catch (error) {
    if (failed === mostRetries) throw error
    await wait(firstWaitMs * 2 ** failed)
    return await persistently(action, failed + 1)
  }
}

interface Step {
  readonly reserve: Action
  readonly cancel: Action
  readonly refusal: Refusal | null
}

const steps = ({ id, username, amountMinor, item, slot }: Order): ReadonlyArray<Step> => [
  step(id, "billing", username, amountMinor, null),
  step(id, "items", String(item), 1, "Can not reserve the item"),
  step(id, "slots", slot, 1, "Can not get the delivery slot"),
]

const step = (
  orderId: string,
  participant: ParticipantName,
  resource: string,
  quantity: number,
  refusal: Refusal | null,
): Step => {
  const action = (kind: Command["action"]): Action => ({
    name: `${kind} ${participant}`,
    run: () => send(participant, { orderId, action: kind, resource, quantity }),
  })
  return { reserve: action("reserve"), cancel: action("cancel"), refusal }
}
