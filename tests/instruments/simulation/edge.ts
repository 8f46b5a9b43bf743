/**
 * The edge of a service that the orchestrator calls: what it answers before its rules are asked. A
 * request with one entry that cannot be decoded is refused as a whole, as it is over HTTP; and a
 * callee may not know its callers for a while, or fail on an order.
 */
import { Effect } from "effect"
import type { Process } from "./kernel.ts"
import type { Answer } from "./network.ts"
import { orderFaults } from "./plan.ts"
import { poisonFor } from "./wish.ts"
import type { Serve } from "./services.ts"
import type { World } from "./world.ts"

interface Entry {
  readonly orderId: string
  readonly action?: string
  readonly resource?: string
}

/** The service as others reach it. */
export const edgeOf = (world: World, process: Process, serve: Serve): Serve => (path, body) =>
  Effect.suspend(() => {
    const { commands, decisions } = body as Readonly<Record<string, ReadonlyArray<Entry>>>
    const entries = commands ?? decisions
    onlyOrders(world, process, commands ?? [])
    const failure = entries === undefined ? undefined : failureOf(world, process, entries)
    return failure ?? serve(path, body)
  })

/**
 * I10: what is no order goes no further than the register, however often it comes; but what is
 * undone may be anything.
 */
const onlyOrders = (world: World, { name }: Process, commands: ReadonlyArray<Entry>): void => {
  for (const { action, orderId } of commands) {
    world.check(
      action !== "reserve" || world.placed.has(orderId),
      "I10",
      () => `${name} is asked to reserve something for ${orderId}, which is no order`,
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
