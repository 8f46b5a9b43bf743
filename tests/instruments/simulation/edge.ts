/**
 * The edge of a callee of the orchestrator: how it answers before it applies its rules. It refuses
 * a whole request for one malformed entry, like the real routes. It may refuse its callers for a
 * while, or fail on one order.
 */
import { Effect } from "effect"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { Process } from "./kernel.ts"
import type { Answer } from "./network.ts"
import { orderFaults } from "./plan.ts"
import { poisonFor } from "./wish.ts"
import type { Body } from "./runs.ts"
import type { Serve } from "./services.ts"
import type { World } from "./world.ts"

type Entry = Pick<Command, "orderId"> & Partial<Command>

/** The service with its edge. */
export const edgeOf = (world: World, process: Process, serve: Serve): Serve => (path, body) =>
  Effect.suspend(() => {
    const { commands, decisions } = body as Body
    const entries = commands ?? decisions
    onlyOrders(world, process, commands ?? [])
    const failure = entries === undefined ? undefined : failureOf(world, process, entries)
    if (failure !== undefined) return failure
    const tell = ({ status, body }: Answer) => {
      if (commands === undefined || status !== 200) return
      const { outcomes } = body as { readonly outcomes: ReadonlyArray<Outcome> }
      world.onAnswer(process.service, commands, outcomes)
    }
    return Effect.tap(serve(path, body), (answer) => Effect.sync(() => tell(answer)))
  })

/** I10: an entry that is not an order gets no further than the register. It may only be undone. */
const onlyOrders = (world: World, { name }: Process, commands: ReadonlyArray<Entry>): void => {
  for (const { action, orderId } of commands) {
    world.check(
      action !== "reserve" || world.statuses.has(orderId),
      "I10",
      () => `${name} is asked to reserve something for ${orderId}, which is not an order`,
    )
  }
}

const answer = (status: number) => Effect.succeed<Answer>({ status, body: {} })

const failureOf = (
  world: World,
  { service, name }: Process,
  entries: ReadonlyArray<Entry>,
): Effect.Effect<Answer> | undefined => {
  if (world.lockedUp.has(name)) {
    world.hit("process: refuses its callers", name)
    return answer(401)
  }
  const malformed = poisonFor(service)
  if (malformed !== undefined && entries.some(({ resource }) => resource === malformed)) {
    world.hit("order: poison", name)
    return answer(400)
  }
  const broken = world.breaking.get(name)
  if (broken === undefined) return undefined
  broken.on ??= entries[world.kernel.draw(`order that ${name} fails on`, entries.length)]!.orderId
  if (entries.every(({ orderId }) => orderId !== broken.on)) return undefined
  world.hit(`process: ${broken.fault}`, name)
  world.brokenOn.add(broken.on)
  const status = orderFaults[broken.fault]
  return status === undefined ? Effect.never : answer(status)
}
