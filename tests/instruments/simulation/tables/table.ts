/**
 * A table of a simulated database: rows that are never changed but replaced, each in a cell that
 * knows who holds its lock and who waits for it, in the order in which they came. As in PostgreSQL,
 * a row has one uncommitted version at most, since who writes it holds its lock.
 */
import type { Transaction } from "./transaction.ts"

export interface TableDefinition<Row extends object> {
  readonly name: string
  keyOf(row: Row): string
  /**
   * The second unique key, of the rows that have one; it never changes. An insert passes over rows
   * whose second key is taken; in a table that has none, over rows whose key is.
   */
  uniqueOf?(row: Row): string | undefined
  /** The CHECK that the row breaks. */
  brokenCheck(row: Row): string | undefined
}

/**
 * A constraint that PostgreSQL would not let pass either, with its code: a defect of whoever wrote
 * the row.
 */
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
  /** What the holder has written and not committed. */
  written: Row | undefined = undefined
  holder: Transaction | undefined = undefined
  readonly waiting: Array<Transaction> = []

  constructor(table: Table<Row>, key: string) {
    this.table = table
    this.key = key
  }

  /** The row as a transaction sees it: as it is committed now, or as it wrote it itself. */
  seenBy(transaction: Transaction): Row | undefined {
    return this.holder === transaction && this.written !== undefined ? this.written : this.committed
  }
}

export class Table<Row extends object> {
  readonly definition: TableDefinition<Row>
  /** Of all rows that are committed or inserted by an open transaction, oldest first. */
  readonly cells = new Map<string, Cell<Row>>()
  /** The same, by their second keys. */
  readonly unique = new Map<string, Cell<Row>>()

  constructor(definition: TableDefinition<Row>) {
    this.definition = definition
  }

  /** A cell for a new row, which is not in it yet. */
  add(row: Row): Cell<Row> {
    const { definition } = this
    const key = definition.keyOf(row)
    const cell = new Cell(this, key)
    this.cells.set(key, cell)
    const second = definition.uniqueOf?.(row)
    if (second !== undefined) this.unique.set(second, cell)
    return cell
  }

  /** Takes away the cell of a row whose insertion is undone. */
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

  /**
   * The row that keeps another one from being inserted, and what comes of that if it is not to be
   * passed over.
   */
  conflictOf(row: Row): { readonly cell: Cell<Row>; readonly violation?: Violation } | undefined {
    const { name, keyOf, uniqueOf } = this.definition
    const second = uniqueOf?.(row)
    const taken = second === undefined ? undefined : this.unique.get(second)
    if (taken !== undefined) return { cell: taken }
    const cell = this.cells.get(keyOf(row))
    if (cell === undefined || uniqueOf === undefined) return cell && { cell }
    return { cell, violation: new Violation("23505", `${name} has a row ${cell.key} already`) }
  }

  /** The cells of those rows, by key, that the transaction sees, sorted by key, each once. */
  find(keys: Iterable<string>, transaction: Transaction): Array<Cell<Row>> {
    const found: Array<Cell<Row>> = []
    for (const key of new Set(keys)) {
      const cell = this.cells.get(key)
      if (cell?.seenBy(transaction) !== undefined) found.push(cell)
    }
    return found.length > 1 ? found.sort(byKey) : found
  }

  /** The cells of all rows that the transaction sees, oldest first. */
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
