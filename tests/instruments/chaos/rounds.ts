/**
 * The course of a run: rounds of a few simultaneous faults, each followed by a calm in which
 * everything must work. Faults are cards of a deck, which has each card as often as the run must
 * show it; a card that did not hit goes back.
 */
import { Effect, Random } from "effect"
import { wereInFlight } from "#tests/support/books.ts"
import { between, bringBack, type Card, type Fault, now, type Stage } from "./faults.ts"

const mostAtOnce = 5
/** The fewest faults of a round, drawn for each round. */
const fewestAtOnce = [2, 4] as const
const calmMs = [1_500, 2_500] as const
const roundMsAtFirst = 7_000

/** A card in the deck. Its seed is its own, so its draws do not depend on earlier deals. */
interface Seeded {
  readonly card: Card
  readonly seed: string
  /** Whether the run must show it. */
  readonly due: boolean
}

interface Dealt {
  readonly seeded: Seeded
  readonly fault: Fault
}

export interface RoundsOptions {
  readonly stage: Stage
  /** The cards that the run must show, each as often as it must hit. */
  readonly needed: ReadonlyArray<Card>
  readonly seed: string
  /** How long the run takes, in milliseconds. */
  readonly forMs: number
  /** How much longer the run may take on a slow machine, until all needed cards have hit. */
  readonly overtimeMs: number
  readonly tell: (faults: ReadonlyArray<string>) => Effect.Effect<void>
}

/** Plays rounds. Succeeds with the instant at which the last fault was mended and all was ready. */
export const playRounds = Effect.fnUntraced(
  function* ({ stage, needed, seed, forMs, overtimeMs, tell }: RoundsOptions) {
    let dealt = 0
    const shuffled = (cards: Iterable<Card>, due: boolean) =>
      Effect.map(
        Random.shuffle(cards),
        (cards) => cards.map((card): Seeded => ({ card, seed: `${seed} ${dealt++}`, due })),
      )
    const deck = yield* shuffled(needed, true)
    let roundMs = roundMsAtFirst
    let rounds = 0
    const startedAtMs = yield* now
    let mendedAtMs = startedAtMs
    while (true) {
      const leftMs = startedAtMs + forMs - (yield* now)
      const due = deck.filter((card) => card.due).length
      if (leftMs < (due > 0 ? -overtimeMs : 0)) break
      const roundsLeft = Math.max(1, leftMs / roundMs)
      const fewest = yield* between(...fewestAtOnce)
      const atOnce = Math.min(mostAtOnce, Math.max(fewest, Math.ceil(due / roundsLeft)))
      if (deck.length < mostAtOnce) deck.push(...(yield* shuffled(new Set(needed), false)))
      const hand = yield* deal(deck, atOnce)
      yield* tell(hand.map(({ fault }) => fault.what))
      const missed = yield* play(stage, hand)
      mendedAtMs = yield* now
      yield* Effect.sleep(yield* between(...calmMs))
      deck.unshift(...missed)
      rounds++
      roundMs = ((yield* now) - startedAtMs) / rounds
    }
    yield* tell([])
    return mendedAtMs
  },
  (rounds, { seed }) => Random.withSeed(rounds, seed),
)

/** Takes the first cards from the deck that can be played at the same time. */
const deal = Effect.fnUntraced(function* (deck: Array<Seeded>, atOnce: number) {
  const hand: Array<Dealt> = []
  const broken = new Set<string>()
  const needed = new Set<string>()
  const isFree = (name: string) => !broken.has(name) && !needed.has(name)
  for (let n = 0; n < deck.length && hand.length < atOnce;) {
    const seeded = deck[n]!
    const fault = yield* Random.withSeed(
      seeded.card.deal(isFree),
      seeded.seed,
    )
    if (fault === undefined || fault.needs?.some((name) => broken.has(name))) {
      n++
      continue
    }
    deck.splice(n, 1)
    hand.push({ seeded, fault })
    fault.breaks.forEach((name) => broken.add(name))
    fault.needs?.forEach((name) => needed.add(name))
  }
  return hand
})

/**
 * Breaks and mends. When all is ready again, succeeds with the cards that did not hit while orders
 * were in flight.
 */
const play = Effect.fnUntraced(function* (stage: Stage, hand: ReadonlyArray<Dealt>) {
  const { evidence, system } = stage
  const broken = new Set(hand.flatMap(({ fault }) => fault.breaks))
  const bystanders = system.replicas.filter(({ name }) => !broken.has(name))
  const delays = yield* Effect.forEach(hand, () => between(0, 800))
  evidence.broken = true
  const acted = yield* Effect.forEach(
    hand,
    ({ fault }, n) => Effect.delay(fault.run(bystanders), delays[n]!),
    { concurrency: "unbounded" },
  )
  yield* Effect.forEach(system.replicas, (replica) => bringBack(stage, replica), {
    concurrency: "unbounded",
  })
  evidence.broken = false
  const injections = hand.flatMap(({ seeded }, n) =>
    acted[n] === undefined ? [] : [{ seeded, kind: seeded.card.kind, ...acted[n] }]
  )
  evidence.injections.push(...injections)
  const amidOrders = yield* Effect.promise(() => wereInFlight(system.postgres.url, injections))
  const hits = new Set(injections.filter((_, n) => amidOrders[n]).map(({ seeded }) => seeded))
  return hand.flatMap(({ seeded }) => hits.has(seeded) ? [] : [seeded])
})
