/**
 * What checks use to ask a participant. Commands are sent as callers of the protocol send them: a
 * busy participant is asked again, since retries are always safe. What a check has reserved is
 * remembered, so that it can be given back.
 */
import { setTimeout as pause } from "node:timers/promises"
import type { Recorded } from "#shared/contracts/audit.ts"
import type { OrderId } from "#shared/contracts/order.ts"
import { type Command, maxBatch } from "#shared/contracts/reservation.ts"
import { excerpt, outcomesOf, pageOf, type Word } from "./answers.ts"
import { findLeft } from "./available.ts"
import { Broken, Hung } from "./check.ts"
import { newOrderId } from "./ids.ts"
import type { Restart } from "./restart.ts"
import type { Tokens } from "./tokens.ts"
import { type Answer, type Sent, Unanswered, type Wire } from "./wire.ts"

/** How often a participant that fails is asked, and for how long one that is busy or away. */
const tries = 3
const longestMs = 10_000

const unknownPrefix = "conformance "

export interface KitOptions {
  readonly wire: Wire
  /** The kit's own resource. */
  readonly resource: string
  /** The seed of the random batches. */
  readonly seed: number
  readonly tokens: Tokens | undefined
  readonly restart: Restart | undefined
  /** How long an answer may take. */
  readonly timeoutMs: number
}

export class Kit {
  /** What sends the requests. */
  wire: Wire
  readonly resource: string
  readonly seed: number
  /** A resource that no participant has. */
  readonly unknown = `${unknownPrefix}${crypto.randomUUID()}`
  /** What is available of the resource while a check holds none of it. */
  available = 0
  /** How often the participant had to be asked again. */
  askedAgain = 0
  /** The orders that may hold something. */
  readonly #holding = new Map<OrderId, Command>()
  readonly #options: KitOptions

  constructor(options: KitOptions) {
    this.#options = options
    this.wire = options.wire
    this.resource = options.resource
    this.seed = options.seed
  }

  get tokens(): Tokens {
    return this.#options.tokens!
  }

  get restart(): Restart {
    return this.#options.restart!
  }

  /** A few of what is available, so that a wrong number shows. */
  get few(): number {
    return Math.min(3, this.available)
  }

  /** Whether a record of this resource is the kit's own, from this run or an earlier one. */
  isOwn(resource: string): boolean {
    return resource === this.resource || resource.startsWith(unknownPrefix)
  }

  /** The id of an order of this age. */
  order(ageMs = 0): OrderId {
    return newOrderId(Date.now() - ageMs)
  }

  reserve(orderId: OrderId, quantity = 1, resource = this.resource): Command {
    return { orderId, action: "reserve", resource, quantity }
  }

  /** A reserve that is rejected while nothing is held. */
  tooMuch(orderId: OrderId): Command {
    return this.available < Number.MAX_SAFE_INTEGER
      ? this.reserve(orderId, this.available + 1)
      : this.reserve(orderId, 1, this.unknown)
  }

  cancel(orderId: OrderId, quantity = 1, resource = this.resource): Command {
    return { orderId, action: "cancel", resource, quantity }
  }

  /**
   * Asks until there is an answer that is not to be retried. Rejects with Broken, or with
   * Unanswered when it was ended.
   */
  async ask(sent: Sent): Promise<Answer> {
    const untilMs = performance.now() + Math.min(longestMs, this.#options.timeoutMs)
    for (let attempt = 1;; attempt++) {
      const answer = await this.wire.send(sent).catch((error: Unanswered) => error)
      const isLast = performance.now() > untilMs
      if (answer instanceof Unanswered) {
        if (answer.kind === "aborted") throw answer
        if (answer.kind === "late") throw new Hung(`It ${answer.message}`)
        if (isLast) throw new Broken(`It ${answer.message}, ${attempt} times`)
      } else if (isLast || !putsOff(answer) || (attempt === tries && !isBusy(answer))) return answer
      this.askedAgain++
      await pause(Math.min(1_000, 25 * 2 ** attempt))
    }
  }

  get(path: string): Promise<Answer> {
    return this.ask({ method: "GET", path })
  }

  post(path: string, body: unknown): Promise<Answer> {
    return this.ask({ method: "POST", path, body: JSON.stringify(body) })
  }

  /** The request of a batch. From now on, its reserves may hold something. */
  request(commands: ReadonlyArray<Command>): Sent {
    for (const command of commands) {
      if (command.action === "reserve") this.#holding.set(command.orderId, command)
    }
    return { method: "POST", path: "/internal/reservations", body: JSON.stringify({ commands }) }
  }

  /** Sends a batch, and returns the answer to each command. */
  async batch(commands: ReadonlyArray<Command>): Promise<ReadonlyArray<Word>> {
    const outcomes = outcomesOf(commands, await this.ask(this.request(commands)))
    const last = new Map(commands.map((command) => [command.orderId, command.action]))
    for (const [orderId, action] of last) if (action === "cancel") this.#holding.delete(orderId)
    return outcomes
  }

  /** Sends one command, and returns the answer. */
  async one(command: Command): Promise<Word> {
    return (await this.batch([command]))[0]!
  }

  /** Sends one command, which has to get this answer. */
  async gets(word: Word, command: Command): Promise<void> {
    const answered = await this.one(command)
    if (answered !== word) {
      throw new Broken(`${told(command)} was answered "${answered}" instead of "${word}"`)
    }
  }

  /** What is left of the resource now, found out by reserving. */
  left(guess = this.available): Promise<number> {
    return findLeft((command) => this.one(command), this, guess)
  }

  /** Expects this much to be left; `when` says after what. */
  async leaves(expected: number, when: string): Promise<void> {
    const left = await this.left(expected)
    if (left !== expected) {
      throw new Broken(`${when}, ${left} of ${this.resource} were left instead of ${expected}`)
    }
  }

  /** Records of the orders between two ids, both exclusive. */
  async records(
    query: Readonly<Record<string, string | number>>,
  ): Promise<ReadonlyArray<Recorded>> {
    const text = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, `${v}`]))
    return pageOf(await this.get(`/internal/reservations?${text}`))
  }

  /** Gives back what is held. Resolves with the orders that may still hold something. */
  async giveBack(): Promise<ReadonlyArray<OrderId>> {
    for (let before = Infinity; this.#holding.size > 0 && this.#holding.size < before;) {
      before = this.#holding.size
      const commands = [...this.#holding.values()].slice(0, maxBatch)
        .map((command): Command => ({ ...command, action: "cancel" }))
      if (await this.#isGiven(commands)) continue
      // A participant that breaks the rules for batches, or refuses one of these commands, may
      // still carry out the others.
      for (const command of commands) if (await this.#isGiven([command]) === undefined) break
    }
    return [...this.#holding.keys()]
  }

  /** Undefined when there is no answer. */
  #isGiven(commands: ReadonlyArray<Command>): Promise<boolean | undefined> {
    return this.batch(commands).then(
      () => true,
      (error: unknown) => error instanceof Broken && !(error instanceof Hung) ? false : undefined,
    )
  }
}

/** Callers of the protocol ask again after these answers, whatever the request was. */
const putsOff = (answer: Answer): boolean => answer.status >= 500 || isBusy(answer)
const isBusy = ({ status }: Answer): boolean => [408, 429, 502, 503, 504].includes(status)

/** A command in words. */
export const told = ({ action, orderId, resource, quantity }: Command): string =>
  `${action} of ${quantity} of ${excerpt(resource)} for order ${orderId}`
