/**
 * The edge of a service that the orchestrator calls: what it answers before its rules are asked. A request with one entry
 * that cannot be decoded is refused as a whole, as it is over HTTP; and a callee may not know its callers for a while, or
 * break on an order.
 */
import { Effect } from "effect"
import type { Process } from "./kernel.ts"
import type { Answer } from "./network.ts"
import { poison } from "./plan.ts"
import type { Serve } from "./services.ts"
import type { World } from "./world.ts"

interface Entry {
  readonly orderId: string
  readonly resource?: string
}

/** The service as others reach it. */
export const edgeOf = (world: World, process: Process, serve: Serve): Serve => (path, body) =>
  Effect.suspend(() => {
    const { commands, decisions } = body as Readonly<Record<string, ReadonlyArray<Entry>>>
    const entries = commands ?? decisions
    const status = entries === undefined ? undefined : statusOf(world, process, entries)
    return status === undefined ? serve(path, body) : Effect.succeed<Answer>({ status, body: {} })
  })

const statusOf = (
  world: World,
  { service, name }: Process,
  entries: ReadonlyArray<Entry>,
): number | undefined => {
  if (world.lockedUp.has(name)) {
    world.hit("process: refuses its callers", name)
    return 401
  }
  const malformed = poison[service as keyof typeof poison]
  if (malformed !== undefined && entries.some(({ resource }) => resource === malformed)) {
    world.hit("order: poison", name)
    return 400
  }
  const broken = world.breaking.get(name)
  if (broken === undefined) return undefined
  broken.on ??= entries[world.kernel.draw(`breaks on ${name}`, entries.length)]!.orderId
  if (entries.every(({ orderId }) => orderId !== broken.on)) return undefined
  world.hit("process: breaks on an order", name)
  world.brokenOn.add(broken.on)
  return 500
}
