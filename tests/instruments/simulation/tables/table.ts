/**
 * A table of a simulated database. Rows are replaced, never changed. Each row is in a cell with the
 * holder of its lock and the transactions that wait for it, in order. As in PostgreSQL, a row has
 * at most one uncommitted version, because its writer holds the lock.
 */
import type { Transaction } from "./transaction.ts"

export interface TableDefinition<Row extends object> {
  readonly name: string
  keyOf(row: Row): string
  /**
   * The second unique key of a row, if it has one; it never changes. An insert skips rows whose
   * second key is taken, and in tables without second keys, rows whose key is taken.
   */
  uniqueOf?(row: Row): string | undefined
  /** The CHECK that the row breaks, if it breaks one. */
  brokenCheck(row: Row): string | undefined
}

/** A broken constraint, with PostgreSQL's code: a defect of the code that wrote the row. */
export class Violation extends Error {
  readonly code: "23505" | "23514"

  constructor(code: Violation["code"], message: string) {
    super(message)
    this.code = code
  }
}

export class Cell<Row extends object> {
  readonly table: Table<Row>
  readonly key: string
  committed: Row | undefined = undefined
  /** The uncommitted version, which the holder wrote. */
  written: Row | undefined = undefined
  holder: Transaction | undefined = undefined
  readonly waiting: Array<Transaction> = []

  constructor(table: Table<Row>, key: string) {
    this.table = table
    this.key = key
  }

  /** The row as a transaction sees it: its own version, or else the committed one. */
  seenBy(transaction: Transaction): Row | undefined {
    return this.holder === transaction && this.written !== undefined ? this.written : this.committed
  }
}

export class Table<Row extends object> {
  readonly definition: TableDefinition<Row>
  /** The cells of rows that are committed or inserted by an open transaction, oldest first. */
  readonly cells = new Map<string, Cell<Row>>()
  /** The same cells by their second keys. */
  readonly unique = new Map<string, Cell<Row>>()

  constructor(definition: TableDefinition<Row>) {
    this.definition = definition
  }

  /** Adds an empty cell for a new row. */
  add(row: Row): Cell<Row> {
    const { definition } = this
    const key = definition.keyOf(row)
    const cell = new Cell(this, key)
    this.cells.set(key, cell)
    const second = definition.uniqueOf?.(row)
    if (second !== undefined) this.unique.set(second, cell)
    return cell
  }

  /** Removes the cell of a row whose insertion is rolled back. */
  remove(cell: Cell<Row>, row: Row): void {
    this.cells.delete(cell.key)
    const second = this.definition.uniqueOf?.(row)
    if (second !== undefined) this.unique.delete(second)
  }

  /** Throws a Violation for a row that breaks a CHECK. */
  check(row: Row): void {
    const { name, brokenCheck } = this.definition
    const broken = brokenCheck(row)
    if (broken !== undefined) {
      throw new Violation("23514", `A row of ${name} breaks the check of ${broken}`)
    }
  }

  /** The cell that conflicts with a new row, and the violation if the row is not skipped. */
  conflictOf(row: Row): { readonly cell: Cell<Row>; readonly violation?: Violation } | undefined {
    const { name, keyOf, uniqueOf } = this.definition
    const second = uniqueOf?.(row)
    const taken = second === undefined ? undefined : this.unique.get(second)
    if (taken !== undefined) return { cell: taken }
    const cell = this.cells.get(keyOf(row))
    if (cell === undefined || uniqueOf === undefined) return cell && { cell }
    return { cell, violation: new Violation("23505", `${name} has a row ${cell.key} already`) }
  }

  /** The cells of these keys that the transaction sees, sorted by key, each once. */
  find(keys: Iterable<string>, transaction: Transaction): Array<Cell<Row>> {
    const found: Array<Cell<Row>> = []
    for (const key of new Set(keys)) {
      const cell = this.cells.get(key)
      if (cell?.seenBy(transaction) !== undefined) found.push(cell)
    }
    return found.length > 1 ? found.sort(byKey) : found
  }

  /** All cells that the transaction sees, oldest first. */
  all(transaction: Transaction): Array<Cell<Row>> {
    const seen: Array<Cell<Row>> = []
    for (const cell of this.cells.values()) {
      if (cell.seenBy(transaction) !== undefined) seen.push(cell)
    }
    return seen
  }
}

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number =>
  a.key < b.key ? -1 : 1
