/**
 * Group commit: while each worker has a batch, further entries are gathered, and go when a worker
 * is free. Entries of one turn of the event loop go together.
 */

interface Waiting<I, O> {
  readonly entry: I
  readonly answer: (answer: O) => void
}

export interface GroupCommitOptions<I, O> {
  /** The largest batch, by the sizes of its entries; a larger entry goes alone. */
  readonly most: number
  readonly sizeOf?: (entry: I) => number
  readonly workers: number
  /** Answers each entry of a batch, in order. If it fails, so does the program. */
  readonly run: (entries: ReadonlyArray<I>) => Promise<ReadonlyArray<O>>
}

/** Makes the function that hands in one entry and waits for its answer. */
export const groupCommit = <I, O>(
  { most, sizeOf = () => 1, workers, run }: GroupCommitOptions<I, O>,
): (entry: I) => Promise<O> => {
  let waiting: Array<Waiting<I, O>> = []
  let running = 0

  const take = (): ReadonlyArray<Waiting<I, O>> => {
    let size = 0
    const end = waiting.findIndex(({ entry }, n) => (size += sizeOf(entry)) > most && n > 0)
    const batch = end < 0 ? waiting : waiting.slice(0, end)
    waiting = end < 0 ? [] : waiting.slice(end)
    return batch
  }

  const work = async () => {
    while (waiting.length > 0) {
      const batch = take()
      const answers = await run(batch.map(({ entry }) => entry))
      batch.forEach(({ answer }, n) => answer(answers[n] as O))
    }
    running--
  }

  return (entry) =>
    new Promise((answer) => {
      waiting.push({ entry, answer })
      if (running === workers) return
      running++
      setImmediate(work)
    })
}
