/**
 * A transaction of a simulated database, like PostgreSQL's at READ COMMITTED. Each statement sees
 * what is committed when it begins and what its own transaction wrote. A statement that wants a
 * locked row waits for it, and then sees the newest version. A wait that would close a circle is a
 * lost conflict. Statements take effect one at a time, in the order in which they came.
 */
import { Effect } from "effect"
import { LostConflict } from "#shared/postgres/transaction.ts"
import type { Connection, SimulatedDatabase } from "./database.ts"
import type { Cell, Table } from "./table.ts"

/** What a statement waits for: the lock of a row, or the end of another transaction. */
type Blocker = Cell<object> | Transaction

/** The result of a statement that has to wait. */
class Blocked<A> {
  readonly on: Blocker
  readonly goOn: Body<A>

  constructor(on: Blocker, goOn: Body<A>) {
    this.on = on
    this.goOn = goOn
  }
}

type Body<A> = () => A | Blocked<A>

export class Transaction {
  readonly connection: Connection
  readonly database: SimulatedDatabase
  /**
   * over: committed or rolled back. failed: rolled back for an error. dead: rolled back because its
   * process ended.
   */
  private state: "open" | "over" | "failed" | "dead" = "open"
  private error: unknown = undefined
  private readonly held: Array<Cell<object>> = []
  private readonly written: Array<Cell<object>> = []
  /** The transactions that wait for its end. */
  readonly watching: Array<Transaction> = []
  private waitsFor: Blocker | undefined = undefined
  private wake: (() => void) | undefined = undefined
  /** Whether a statement is under way; the others wait in `line`. */
  private busy = false
  private readonly line: Array<() => void> = []

  constructor(database: SimulatedDatabase, connection: Connection) {
    this.database = database
    this.connection = connection
    database.open.add(this)
  }

  get isOpen(): boolean {
    return this.state === "open"
  }

  /** Whether it wrote rows. */
  get hasWritten(): boolean {
    return this.written.length > 0
  }

  /** Whether one of its statements waits for another transaction. */
  get isWaiting(): boolean {
    return this.waitsFor !== undefined
  }

  /** A statement that never waits. */
  statement<A>(name: string, run: () => A): Effect.Effect<A> {
    return this.inTurn<A>(name, run)
  }

  /**
   * A statement that locks rows, one after another. It finds them by what is committed when it
   * begins, and reads them when all are locked.
   */
  locking<Row extends object, A>(
    name: string,
    find: () => ReadonlyArray<Cell<Row>>,
    run: (locked: ReadonlyArray<Cell<Row>>) => A,
  ): Effect.Effect<A> {
    return this.inTurn<A>(name, () => {
      const cells = find()
      let at = 0
      const goOn: Body<A> = () => {
        for (; at < cells.length; at++) {
          if (!this.take(cells[at]!)) return new Blocked(cells[at]!, goOn)
        }
        return run(cells)
      }
      return goOn()
    })
  }

  /**
   * A statement that inserts rows one after another, ON CONFLICT DO NOTHING. Returns the inserted
   * rows. If an open transaction wrote the conflicting row, it waits for the end of that one.
   */
  inserting<Row extends object>(
    name: string,
    table: Table<Row>,
    rows: ReadonlyArray<Row>,
  ): Effect.Effect<ReadonlyArray<Row>> {
    return this.inTurn<ReadonlyArray<Row>>(name, () => {
      const inserted: Array<Row> = []
      let at = 0
      const goOn: Body<ReadonlyArray<Row>> = () => {
        for (; at < rows.length; at++) {
          const row = rows[at]!
          table.check(row)
          const conflict = table.conflictOf(row)
          if (conflict === undefined) {
            const cell = table.add(row)
            this.take(cell)
            this.put(cell, row)
            inserted.push(row)
            continue
          }
          const { holder, written } = conflict.cell
          if (written !== undefined && holder !== this) return new Blocked(holder!, goOn)
          if (conflict.violation) throw conflict.violation
        }
        return inserted
      }
      return goOn()
    })
  }

  /** Locks a row unless another transaction holds it, like SKIP LOCKED. Returns whether it did. */
  take(cell: Cell<object>): boolean {
    if (cell.holder !== undefined) return cell.holder === this
    cell.holder = this
    this.held.push(cell)
    return true
  }

  /** Writes a row that it holds. */
  write<Row extends object>(cell: Cell<Row>, row: Row): void {
    cell.table.check(row)
    this.put(cell, row)
  }

  /** Makes its rows visible to all, and frees its locks. */
  commit(): void {
    const changes = this.written.map((cell) => {
      const { key, committed: before, written } = cell
      const after = written!
      cell.committed = after
      cell.written = undefined
      return { table: cell.table.definition.name, key, before, after }
    })
    this.end("over")
    if (changes.length > 0) this.database.onCommit(changes)
  }

  rollback(): void {
    this.undo("over")
  }

  /** Rolls back for an error, with which a waiting statement and all later statements die. */
  fail(error: unknown): void {
    this.error ??= error
    this.undo("failed")
    this.wake?.()
  }

  /** Rolls back; its statements never end. */
  abandon(): void {
    this.undo("dead")
  }

  /** The result of a statement or commit of a transaction that is not open any more. */
  refused(): Effect.Effect<never> {
    if (this.state === "dead") return Effect.never
    return Effect.die(this.state === "failed" ? this.error : new Error("The transaction is over"))
  }

  private inTurn<A>(name: string, body: Body<A>): Effect.Effect<A> {
    return Effect.suspend(() => {
      if (!this.isOpen) return this.refused()
      if (this.busy) return Effect.flatMap(this.turn(), () => this.execute(name, body))
      this.busy = true
      return this.execute(name, body)
    })
  }

  private turn(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const go = () => resume(Effect.void)
      this.line.push(go)
      return Effect.sync(() => remove(this.line, go))
    })
  }

  private nextTurn(): void {
    const next = this.line.shift()
    this.busy = next !== undefined
    next?.()
  }

  private execute<A>(name: string, body: Body<A>): Effect.Effect<A> {
    return Effect.flatMap(this.connection.statement(name), () => {
      let result: A | Blocked<A> | undefined
      if (this.isOpen) {
        try {
          result = body()
          if (result instanceof Blocked) this.wait(result.on)
        } catch (error) {
          this.fail(error)
        }
      }
      if (!this.isOpen) {
        this.nextTurn()
        return this.refused()
      }
      if (result instanceof Blocked) {
        const { goOn } = result
        return Effect.flatMap(this.woken(), () => this.execute(name, goOn))
      }
      this.nextTurn()
      return Effect.succeed(result as A)
    })
  }

  /** Waits in line. Throws a LostConflict if that would close a circle of waits. */
  private wait(on: Blocker): void {
    for (let at = heldBy(on); at !== undefined; at = at.waitsFor && heldBy(at.waitsFor)) {
      if (at === this) throw new LostConflict("transactions wait for each other in a circle")
    }
    this.waitsFor = on
    waitingFor(on).push(this)
  }

  private woken(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (this.waitsFor === undefined) return resume(Effect.void)
      // Scheduled instead of run at once: the transaction that wakes it is not finished.
      this.wake = () => resume(Effect.yieldNow)
      return Effect.sync(() => {
        this.fail(new Error("A statement of the transaction was interrupted"))
        this.nextTurn()
      })
    })
  }

  private put<Row extends object>(cell: Cell<Row>, row: Row): void {
    if (cell.written === undefined) this.written.push(cell)
    cell.written = row
  }

  private undo(state: "over" | "failed" | "dead"): void {
    if (!this.isOpen) return
    if (this.waitsFor !== undefined) remove(waitingFor(this.waitsFor), this)
    this.waitsFor = undefined
    for (const cell of this.written) {
      if (cell.committed === undefined) cell.table.remove(cell, cell.written!)
      cell.written = undefined
    }
    this.end(state)
  }

  /** Passes its locks on to the first in line, and wakes the transactions that wait for its end. */
  private end(state: "over" | "failed" | "dead"): void {
    this.state = state
    this.database.open.delete(this)
    const goOn = this.watching
    for (const cell of this.held) {
      const next = cell.waiting.shift()
      cell.holder = next
      if (next === undefined) continue
      next.held.push(cell)
      goOn.push(next)
    }
    for (const transaction of goOn) {
      transaction.waitsFor = undefined
      transaction.wake?.()
    }
  }
}

const heldBy = (on: Blocker): Transaction | undefined => on instanceof Transaction ? on : on.holder
const waitingFor = (on: Blocker) => on instanceof Transaction ? on.watching : on.waiting

const remove = <A>(from: Array<A>, item: A): void => {
  const at = from.indexOf(item)
  if (at >= 0) from.splice(at, 1)
}
