/**
 * The books of the planted participant: in memory, and in a file to which each transaction appends
 * a line, so that a killed process starts again with what was written. They keep the protocol,
 * except for the one bug that they may have.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs"
import { setTimeout as pause } from "node:timers/promises"
import { firstIdAt, madeAtMs } from "#shared/contracts/order.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { BugName } from "./bugs.ts"

/** The one resource. */
const thing = "thing"

/** The range of a page. */
export interface Range {
  readonly before?: string
  readonly after?: string
  readonly limit?: number
}

interface Kept {
  readonly orderId: string
  readonly outcome: "reserved" | "rejected" | "cancelled"
  readonly resource: string
  readonly quantity: number
  readonly recordedAt: string
}

const dayMs = 24 * 3_600_000
const retentionMs = 30 * dayMs

/** How far it has forgotten, and which orders it spared. */
interface Forgotten {
  readonly before: string
  readonly spared: ReadonlyArray<string>
}

/** A line of the file. */
interface Written {
  readonly records?: ReadonlyArray<Kept>
  readonly balances?: ReadonlyArray<readonly [string, number]>
  readonly forgot?: ReadonlyArray<string>
  readonly forgotten?: Forgotten
}

export class Books {
  readonly #file: string
  readonly #bug: BugName | undefined
  readonly #stock: number
  records = new Map<string, Kept>()
  balances: Map<string, number>
  forgotten: Forgotten = { before: firstIdAt(0), spared: [] }

  constructor(file: string, stock: number, bug: BugName | undefined) {
    this.#file = file
    this.#bug = bug
    this.#stock = stock
    this.balances = new Map([[thing, stock]])
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : []
    for (const line of lines.slice(0, -1)) {
      const { records = [], balances = [], forgot = [], forgotten } = JSON.parse(line) as Written
      for (const record of records) this.records.set(record.orderId, record)
      for (const [resource, balance] of balances) this.balances.set(resource, balance)
      for (const orderId of forgot) this.records.delete(orderId)
      if (forgotten !== undefined) this.forgotten = forgotten
    }
  }

  #write(written: Written) {
    if (this.#bug !== "only-in-memory") appendFileSync(this.#file, `${JSON.stringify(written)}\n`)
  }

  /** Resolves when what the commands changed is written. */
  async apply(commands: ReadonlyArray<Command>): Promise<ReadonlyArray<Outcome>> {
    const bug = this.#bug
    const seen = bug === "all-at-once" || bug === "oversells"
      ? new Map(this.balances)
      : this.balances
    const known = bug === "all-at-once" ? new Map(this.records) : this.records
    if (bug === "oversells") await pause(5)
    const touched = new Map<string, Kept>()
    const outcomes = commands.map((command) => {
      const { after, outcome } = this.#decide(command, known.get(command.orderId), seen)
      if (after !== undefined) {
        this.records.set(after.orderId, after)
        touched.set(after.orderId, after)
      }
      return { orderId: command.orderId, outcome } as Outcome
    })
    const [records, balances] = [[...touched.values()], [...this.balances]]
    if (bug === "two-transactions") {
      this.#write({ balances })
      await pause(20)
      this.#write({ records })
    } else if (bug === "answers-first") setTimeout(() => this.#write({ records, balances }), 30)
    else this.#write({ records, balances })
    if (bug === "sorted-answers") return outcomes.toSorted((a, b) => a.orderId < b.orderId ? -1 : 1)
    const spoilt = bug === "one-spoils-all" &&
      outcomes.some(({ outcome }) => outcome === "rejected")
    return spoilt ? outcomes.map(({ orderId }) => ({ orderId, outcome: "rejected" })) : outcomes
  }

  #decide(
    command: Command,
    before: Kept | undefined,
    seen: ReadonlyMap<string, number>,
  ): { readonly after?: Kept; readonly outcome: string } {
    const { orderId, action, resource, quantity } = command
    const recorded = (
      outcome: Kept["outcome"],
      of: Pick<Kept, "resource" | "quantity"> = command,
    ) => ({
      after: {
        orderId,
        outcome,
        resource: of.resource,
        quantity: of.quantity,
        recordedAt: new Date().toISOString(),
      },
      outcome,
    })
    const bug = this.#bug
    const isOld = bug !== "takes-old-orders" && madeAtMs(orderId) < Date.now() - retentionMs
    if (before === undefined && isOld) return { outcome: "cancelled" }
    if (action === "reserve") {
      if (before === undefined) {
        const isEnough = (seen.get(resource) ?? 0) >= quantity
        if (isEnough) this.#add(resource, -quantity)
        const decided = recorded(isEnough ? "reserved" : "rejected")
        return bug === "forgets-rejections" && !isEnough ? { outcome: "rejected" } : decided
      }
      if (before.outcome !== "reserved") return { outcome: before.outcome }
      const isSame = before.resource === resource && before.quantity === quantity
      if (isSame && bug === "takes-twice") this.#add(resource, -quantity)
      if (!isSame && bug === "mismatch-takes") this.#add(resource, -quantity)
      return { outcome: isSame ? "reserved" : "mismatch" }
    }
    if (before === undefined) {
      return bug === "no-tombstone" ? { outcome: "cancelled" } : recorded("cancelled")
    }
    const givesBack = before.outcome === "reserved" ||
      (bug === "gives-back-twice" && before.outcome === "cancelled")
    if (!givesBack) return { outcome: "cancelled" }
    if (bug === "never-gives-back") return recorded("cancelled", before)
    this.#add(before.resource, (bug === "gives-back-what-is-named" ? command : before).quantity)
    return recorded("cancelled", before)
  }

  #add(resource: string, change: number) {
    const balance = this.balances.get(resource)
    if (balance !== undefined) this.balances.set(resource, balance + change)
  }

  page({ before, after = "", limit }: Range) {
    const found = [...this.records.values()]
      .filter(({ orderId }) => (before === undefined || orderId < before) && orderId > after)
      .sort((a, b) => a.orderId < b.orderId ? 1 : -1)
    const skipped = this.#bug === "cursor-skips" && before !== undefined && limit !== undefined
      ? 1
      : 0
    return found.slice(skipped, skipped + (limit ?? 1_000))
  }

  imbalanced() {
    const held = [...this.records.values()].filter(({ outcome }) => outcome === "reserved")
      .reduce((sum, { quantity }) => sum + quantity, 0)
    const balance = this.balances.get(thing)!
    const books = { resource: thing, opening: this.#stock, adjusted: 0, balance, held, consumed: 0 }
    return this.#stock === balance + held ? [] : [books]
  }

  forget(wanted: string, except: ReadonlyArray<string>): number {
    const bug = this.#bug
    const known = this.forgotten
    const oldEnough = firstIdAt(Date.now() - retentionMs - dayMs)
    const before = bug !== "forgets-young-orders" && oldEnough < wanted ? oldEnough : wanted
    const forgot = [...this.records.keys()].filter((id) =>
      !except.includes(id) && ((known.before <= id && id < before) || known.spared.includes(id))
    )
    for (const orderId of forgot) this.records.delete(orderId)
    const upTo = before > known.before ? before : known.before
    const isKnown = (id: string) =>
      bug === "spares-forgotten-orders" || id >= known.before ||
      (bug !== "spares-once" && known.spared.includes(id))
    this.forgotten = { before: upTo, spared: except.filter((id) => id < upTo && isKnown(id)) }
    this.#write({ forgot, forgotten: this.forgotten })
    return forgot.length
  }
}
