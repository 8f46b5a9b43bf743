/** The exhaustive search on several threads. */
import type { Simulate } from "../judge.ts"
import { Agenda, type Figures, type Scope } from "./agenda.ts"
import { brokenOf, tryFaults } from "./one-order.ts"
import { firstFaults } from "./pairs.ts"
import { type Finding, foundBy } from "./tasks.ts"
import { startThreads } from "./threads.ts"

export interface Search {
  readonly scope: Scope
  /** The number of threads. */
  readonly workers: number
  /** The module that exports `simulate`. */
  readonly simulator: URL
  readonly onProgress?: (figures: Figures) => void
}

export interface Outcome {
  readonly figures: Figures
  readonly finding: Finding | undefined
}

/** Rejects with the error of a thread. */
export const search = async (
  { scope, workers, simulator, onProgress }: Search,
): Promise<Outcome> => {
  const { simulate }: { readonly simulate: Simulate } = await import(simulator.href)
  const unharmed = await tryFaults(simulate, scope.settings, [])
  const agenda = new Agenda(scope, firstFaults(unharmed, scope.every))
  const finding = foundBy(brokenOf(unharmed))
  if (finding !== undefined) return { figures: agenda.figures, finding }
  const threads = await startThreads(workers, simulator)
  try {
    await threads.perform(() => agenda.next(), (task, done) => {
      agenda.collect(task, done)
      onProgress?.(agenda.figures)
    })
  } finally {
    await threads.end()
  }
  return { figures: agenda.figures, finding: agenda.finding }
}
