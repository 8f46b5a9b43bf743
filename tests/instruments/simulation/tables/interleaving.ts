/**
 * Two pieces of work on the same tables, interleaved statement by statement. Each stops before each
 * statement and before its commit until its turn. One that waits for a lock gets no turn; the other
 * goes on.
 */
import { Effect, type Exit } from "effect"
import type { Store } from "#shared/postgres/store.ts"
import { atOnce } from "./database.ts"
import type { World } from "./worlds.ts"

export interface Interleaved<A, E> {
  readonly exits: ReadonlyArray<Exit.Exit<A, E>>
  /** The turns with their statements, and the waits. */
  readonly history: ReadonlyArray<string>
}

/** One of the two pieces of work. */
class Party<A, E> {
  /** Where it stopped: at two gates if it sends two statements at once. */
  private readonly gates = new Set<{ readonly name: string; readonly open: () => void }>()
  /** Whether one of its statements is under way. */
  private running = false
  exit: Exit.Exit<A, E> | undefined = undefined
  /** Counts what happened. */
  happened = 0

  /** Whether it does nothing before its next turn. */
  get isIdle(): boolean {
    return this.exit !== undefined || (!this.running && this.gates.size > 0)
  }

  /** Lets a statement take effect in its turn. */
  pass<B>(name: string, statement: Effect.Effect<B>): Effect.Effect<B> {
    const ended = Effect.sync(() => {
      this.running = false
      this.happened++
    })
    return Effect.callback((resume) => {
      const gate = { name, open: () => resume(Effect.ensuring(statement, ended)) }
      this.gates.add(gate)
      this.happened++
      return Effect.sync(() => void this.gates.delete(gate))
    })
  }

  /** Lets the next statement take effect, and returns its name. */
  step(): string {
    const [gate] = this.gates
    this.gates.delete(gate!)
    this.running = true
    gate!.open()
    return gate!.name
  }
}

const through = <Tables extends object>(tables: Tables, party: Party<unknown, unknown>): Tables =>
  Object.fromEntries(
    Object.entries(tables).map(([name, member]) => [
      name,
      Effect.isEffect(member)
        ? party.pass(name, member as Effect.Effect<unknown>)
        : (...given: ReadonlyArray<unknown>) => party.pass(name, member(...given)),
    ]),
  ) as Tables

const inTurn = <Tables extends object>(
  { query, transaction }: Store<Tables>,
  party: Party<unknown, unknown>,
): Store<Tables> => ({
  query: (run) => query((tables) => run(through(tables, party))),
  transaction: (run) =>
    transaction((tables) =>
      Effect.tap(
        run(through(tables, party), atOnce),
        () => party.pass("commit", Effect.void),
      )
    ),
})

/** Does both pieces of work by turns. `turns` tells whose turn it is, and is repeated. */
export const interleave = <Tables extends object, A, E>(
  { stores, waiting }: World<Tables>,
  works: readonly [Work<Tables, A, E>, Work<Tables, A, E>],
  turns: ReadonlyArray<number>,
): Effect.Effect<Interleaved<A, E>> =>
  Effect.gen(function* () {
    const parties = works.map((work, n) => {
      const party = new Party<A, E>()
      Effect.runFork(work(inTurn(stores[n]!, party))).addObserver((exit) => {
        party.exit = exit
        party.happened++
      })
      return party
    })
    const happened = () => parties.reduce((sum, party) => sum + party.happened, 0)
    const history: Array<string> = []
    /** Waits until both are idle, or one is and the other waits for it. */
    const settle = Effect.gen(function* () {
      while (true) {
        const before = happened()
        const busy = parties.filter((party) => !party.isIdle)
        if (busy.length === 0) return
        const count = yield* waiting
        if (count === 1 && busy.length === 1 && happened() === before) {
          history.push(`${parties.indexOf(busy[0]!)} waits`)
          return
        }
      }
    })
    yield* settle
    for (let at = 0; parties.some(({ exit }) => exit === undefined); at++) {
      const wanted = turns[at % turns.length]!
      const n = canGoOn(parties[wanted]!) ? wanted : 1 - wanted
      history.push(`${n} ${parties[n]!.step()}`)
      yield* settle
    }
    return { exits: parties.map(({ exit }) => exit!), history }
  })

type Work<Tables, A, E> = (store: Store<Tables>) => Effect.Effect<A, E>

const canGoOn = ({ exit, isIdle }: Party<unknown, unknown>) => exit === undefined && isIdle
