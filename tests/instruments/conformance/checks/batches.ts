/**
 * Batches: each command takes effect as if it came alone, the answers keep the order of the
 * commands, and a refused command affects no other.
 */
import { Duration } from "effect"
import fc from "fast-check"
import type { OrderId } from "#shared/contracts/order.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { applyCommands, type Reservation } from "#shared/reservations/rules.ts"
import { excerpt } from "../answers.ts"
import { Broken, type Check, Hung } from "../check.ts"
import { type Kit, told } from "../kit.ts"

/**
 * A planned command: for the nth order, with a quantity that may stand for all that is available,
 * or for one more.
 */
interface Planned {
  readonly order: number
  readonly action: Command["action"]
  readonly known: boolean
  readonly quantity: number | "all" | "more"
}

const planned: fc.Arbitrary<Planned> = fc.record({
  order: fc.nat(3),
  action: fc.constantFrom("reserve" as const, "reserve" as const, "cancel" as const),
  known: fc.nat(7).map((n) => n > 0),
  quantity: fc.oneof(
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom("all" as const, "more" as const),
  ),
})
const plans = fc.array(fc.array(planned, { minLength: 1, maxLength: 10 }), {
  minLength: 1,
  maxLength: 3,
})

const asCommand = (
  { order, action, known, quantity }: Planned,
  { orders, kit, available }: { orders: ReadonlyArray<OrderId>; kit: Kit; available: number },
): Command => ({
  orderId: orders[order]!,
  action,
  resource: known ? kit.resource : kit.unknown,
  quantity: quantity === "all"
    ? Math.max(1, available)
    : quantity === "more"
    ? Math.min(Number.MAX_SAFE_INTEGER, available + 1)
    : quantity,
})

/** The rules as a pure function, fed with batch after batch. */
const makeModel = (resource: string, available: number) => {
  const known = new Map<string, Reservation>()
  const balances = new Map([[resource, available]])
  const terms = { nowMs: Date.now(), retentionMs: Duration.toMillis("30 days") }
  return (commands: ReadonlyArray<Command>) => {
    const { outcomes, recorded, givenBack, changes } = applyCommands(
      commands,
      known,
      balances,
      terms,
    )
    for (const record of [...recorded, ...givenBack]) known.set(record.orderId, record)
    for (const [name, change] of changes) balances.set(name, balances.get(name)! + change)
    return outcomes.map(({ outcome }) => outcome)
  }
}

/** Sends the batches by `send`, and compares each answer with the model's. */
const followsModel = async (
  kit: Kit,
  plan: ReadonlyArray<ReadonlyArray<Planned>>,
  send: (commands: ReadonlyArray<Command>) => Promise<ReadonlyArray<string>>,
) => {
  // Counted anew: an earlier plan may have lost some.
  const available = await kit.left()
  const orders = Array.from({ length: 4 }, () => kit.order())
  const model = makeModel(kit.resource, available)
  for (const batch of plan) {
    const commands = batch.map((one) => asCommand(one, { orders, kit, available }))
    const answered = await send(commands)
    const expected = model(commands)
    const wrong = expected.findIndex((word, n) => word !== answered[n])
    if (wrong === -1) continue
    const lines = commands.map((command, n) => `${n + 1}. ${told(command)}: "${answered[n]}"`)
    throw new Broken(
      `With ${available} left, command ${wrong + 1} of a batch was answered "${
        answered[wrong]
      }" instead of "${expected[wrong]}": ${lines.join(", ")}`,
    )
  }
  await kit.giveBack()
  await kit.leaves(available, "After random commands and the cancels of all their orders")
}

const runs = 25

/** Tries random plans, and reports the smallest that breaks a rule. */
const randomPlans = async (
  kit: Kit,
  send: (commands: ReadonlyArray<Command>) => Promise<ReadonlyArray<string>>,
) => {
  // A participant that hangs is not asked again to find the smallest plan.
  let ended: unknown
  const property = fc.asyncProperty(plans, async (plan) => {
    if (ended !== undefined) throw ended
    await followsModel(kit, plan, send).catch((error: unknown) => {
      if (!(error instanceof Broken) || error instanceof Hung) ended = error
      throw error
    })
  })
  const { failed, errorInstance } = await fc.check(property, { seed: kit.seed, numRuns: runs })
  if (!failed) return
  if (errorInstance instanceof Broken) {
    throw new Broken(`${errorInstance.message} (--seed ${kit.seed})`)
  }
  throw errorInstance
}

const batches = async (kit: Kit) => {
  await randomPlans(kit, (commands) => kit.batch(commands))
  return `${runs} plans of up to 3 batches (--seed ${kit.seed}) were answered as the table says`
}

const oneByOne = async (kit: Kit) => {
  await randomPlans(kit, async (commands) => {
    const answered: Array<string> = []
    for (const command of commands) answered.push(await kit.one(command))
    return answered
  })
  return `${runs} plans (--seed ${kit.seed}), one command at a time, were answered as the table says`
}

const answerOrder = async (kit: Kit) => {
  const orders = Array.from({ length: 12 }, () => kit.order())
  const mixed = [5, 11, 0, 8, 2, 7, 1, 10, 4, 9, 3, 6].map((n) => orders[n]!)
  const commands = mixed.flatMap((orderId, n) =>
    n % 2 === 0 ? [kit.cancel(orderId)] : [kit.reserve(orderId, 1, kit.unknown)]
  )
  const again = [...commands, ...commands]
  const answered = await kit.batch(again)
  again.forEach(({ action }, n) => {
    const expected = action === "cancel" ? "cancelled" : "rejected"
    if (answered[n] === expected) return
    throw new Broken(
      `Command ${n + 1} of ${again.length}, ${told(again[n]!)}, was answered "${
        answered[n]
      }" instead of "${expected}"`,
    )
  })
  return `${again.length} commands, for unsorted orders and each twice, were answered in their order`
}

const refusedAmongOthers = async (kit: Kit) => {
  const [held, first, last] = [kit.order(), kit.order(), kit.order()]
  const { few } = kit
  await kit.gets("reserved", kit.reserve(held, few))
  await kit.gets("cancelled", kit.cancel(held, few))
  const commands = [
    kit.reserve(first, few),
    kit.reserve(kit.order(), 1, kit.unknown),
    kit.reserve(kit.order(), Number.MAX_SAFE_INTEGER),
    kit.reserve(first, few + 1),
    kit.reserve(held, few),
    kit.cancel(first, few),
    kit.reserve(last, few),
  ]
  const expected = [
    "reserved",
    "rejected",
    "rejected",
    "mismatch",
    "cancelled",
    "cancelled",
    "reserved",
  ]
  const answered = await kit.batch(commands)
  const wrong = expected.findIndex((word, n) => word !== answered[n])
  if (wrong !== -1) {
    throw new Broken(
      `Among others, ${told(commands[wrong]!)} was answered "${answered[wrong]}" instead of "${
        expected[wrong]
      }": the whole answer was ${excerpt(answered)}`,
    )
  }
  await kit.leaves(kit.available - few, "After a batch in which some were refused")
  return "each command got its own answer"
}

export const batchChecks: ReadonlyArray<Check> = [
  {
    name: "one-by-one",
    at: "the-table",
    tries: "random commands, one at a time, compared with the rules as a pure function",
    says: "The answer follows from what is on record and what is left, by the table.",
    run: oneByOne,
  },
  {
    name: "batches",
    at: "batches",
    tries: "random batches, with several commands for one order, compared with the same rules",
    says: "The commands of a batch take effect one after another, as if each came alone.",
    run: batches,
  },
  {
    name: "answer-order",
    at: "the-answer",
    tries: "a batch of 12 unsorted orders, each of them twice",
    says: "There is one outcome for each command, in the order of the commands.",
    run: answerOrder,
  },
  {
    name: "refused-among-others",
    at: "batches",
    tries: "a batch in which some commands are rejected, some are mismatches, and some succeed",
    says: "A command that is refused does not change the outcomes of the others.",
    run: refusedAmongOthers,
  },
]
