/**
 * Lost answers: by a connection that is cut, and by a participant that is killed with requests in
 * flight.
 */
import { setTimeout as pause } from "node:timers/promises"
import type { OrderId } from "#shared/contracts/order.ts"
import { type Command, maxBatch } from "#shared/contracts/reservation.ts"
import { outcomesOf } from "../answers.ts"
import { Broken, type Check, NotTried } from "../check.ts"
import { type Kit, told } from "../kit.ts"

/**
 * When to hang up: right after the request, while it may be at work, and when the answer begins.
 */
const moments = [0, 1, 3, 10, "the first byte"] as const

const cutConnection = async (kit: Kit) => {
  for (let n = 0; n < 4; n++) {
    for (const moment of moments) {
      const orderId = kit.order()
      const [reserve, cancel] = [kit.reserve(orderId, kit.few), kit.cancel(orderId, kit.few)]
      await kit.wire.cut(kit.request([reserve]), moment)
      await kit.gets("reserved", reserve)
      if (n === 0) {
        await kit.leaves(kit.available - kit.few, `After ${told(reserve)}, cut and sent again`)
      }
      await kit.wire.cut(kit.request([cancel]), moment)
      await kit.gets("cancelled", cancel)
      await kit.gets("cancelled", reserve)
    }
  }
  await kit.leaves(kit.available, "After requests whose connections were cut")
  return `${8 * moments.length} requests were cut; sent again, each had its effect once`
}

/** What is known about an order whose commands were sent before and during a kill. */
interface Story {
  readonly reserve: Command
  reserved?: string
  cancelSent?: boolean
  cancelled?: boolean
}

/**
 * After this many orders it slows down, since the command may take long to kill the participant.
 */
const hasty = 200

/** Reserves and cancels, order after order, until there is no answer. */
const work = async (kit: Kit, stories: Array<Story>, isOver: () => boolean) => {
  while (!isOver()) {
    const story: Story = { reserve: kit.reserve(kit.order()) }
    stories.push(story)
    try {
      const { reserve } = story
      story.reserved = outcomesOf([reserve], await kit.wire.send(kit.request([reserve])))[0]!
      // Some are left reserved, but few enough that there is something left for the others.
      const kept = stories.filter((one) => one.reserved === "reserved" && !one.cancelSent).length
      if (stories.length % 5 > 0 || kept > kit.available / 2) {
        story.cancelSent = true
        const cancel: Command = { ...reserve, action: "cancel" }
        outcomesOf([cancel], await kit.wire.send(kit.request([cancel])))
        story.cancelled = true
      }
    } catch {
      // While the participant is killed, an invalid answer counts as none.
      return
    }
    await pause(Math.min(50, Math.max(0, stories.length - hasty) / 10))
  }
}

/** The possible answers to the reserve when it is sent again. */
const possible = ({ reserved, cancelSent, cancelled }: Story): ReadonlyArray<string> => {
  if (reserved === "rejected") return ["rejected"]
  if (cancelled) return ["cancelled"]
  if (cancelSent) return ["reserved", "cancelled"]
  return reserved === undefined ? ["reserved", "rejected"] : [reserved]
}

const workers = 8

/** In words, what was known about an order before the kill. */
const toldStory = ({ reserve, reserved, cancelSent, cancelled }: Story): string =>
  `${told(reserve)} was ${
    reserved === undefined ? "not answered" : `answered "${reserved}"`
  } before it was killed, its cancel was ${
    cancelled ? "answered" : cancelSent ? "not answered" : "not sent"
  }`

/** Kills it with requests in flight. Resolves with how many of them had no answer. */
const killOnce = async (kit: Kit, afterMs: number): Promise<number> => {
  const stories: Array<Story> = []
  let over = false
  const working = Array.from({ length: workers }, () => work(kit, stories, () => over))
  await pause(afterMs)
  await kit.restart.command().finally(() => over = true)
  await Promise.all(working)
  await kit.restart.ready()
  for (let at = 0; at < stories.length; at += maxBatch) {
    const asked = stories.slice(at, at + maxBatch)
    const answered = await kit.batch(asked.map(({ reserve }) => reserve))
    const wrong = asked.findIndex((story, n) => !possible(story).includes(answered[n]!))
    if (wrong === -1) continue
    throw new Broken(
      `${toldStory(asked[wrong]!)}, and afterwards the reserve was answered "${answered[wrong]}"`,
    )
  }
  await kit.giveBack()
  await kit.leaves(
    kit.available,
    "After it was killed with requests in flight, and all was given back",
  )
  return stories.filter(({ reserved, cancelSent, cancelled }) =>
    reserved === undefined || (cancelSent && !cancelled)
  ).length
}

const killed = async (kit: Kit) => {
  let lost = 0
  const delays = [0, 10, 30]
  for (const delay of delays) lost += await killOnce(kit, delay)
  if (lost === 0) {
    throw new NotTried("the command of --restart stopped it gently, so that no answer was lost")
  }
  return `killed ${delays.length} times, ${lost} answers were lost; sent again, all was as before`
}

const restarted = async (kit: Kit) => {
  const [reserved, rejected, cancelled, late] = Array.from({ length: 4 }, () => kit.order()) as [
    OrderId,
    OrderId,
    OrderId,
    OrderId,
  ]
  const { available, few } = kit
  const tooMuch = kit.tooMuch(rejected)
  const all = async () => {
    await kit.gets("rejected", tooMuch)
    await kit.gets("reserved", kit.reserve(reserved, few))
    await kit.gets("cancelled", kit.reserve(cancelled, 1))
    await kit.gets("cancelled", kit.cancel(late, 1))
  }
  await kit.one(kit.cancel(cancelled, 1))
  await all()
  await kit.restart.command()
  await kit.restart.ready()
  await all()
  await kit.gets("mismatch", kit.reserve(reserved, few + 1))
  await kit.gets("cancelled", kit.reserve(late, 1))
  await kit.leaves(available - few, "After it was started again")
  return "every answer, and what was left, was as before"
}

export const lostChecks: ReadonlyArray<Check> = [
  {
    name: "cut-connection",
    at: "why-the-unknown-outcome-is-the-hard-case",
    tries: "reserves and cancels whose connection is cut before the answer, sent again",
    says: "A request whose answer was lost has its effect once when it is sent again.",
    run: cutConnection,
  },
  {
    name: "killed",
    at: "one-transaction",
    needs: "--restart",
    tries: "reserves and cancels in flight while it is killed, sent again when it is back",
    says:
      "The record and the balance are written in one transaction, before the answer: both are there, or neither.",
    run: killed,
  },
  {
    name: "restarted",
    at: "one-transaction",
    needs: "--restart",
    tries: "the same commands before and after a restart",
    says: "What is recorded outlives the process: the same commands get the same answers.",
    run: restarted,
  },
]
