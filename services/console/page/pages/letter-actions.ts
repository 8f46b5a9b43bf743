/** What is done about dead letters. */
import type { DiscardResponse, RedriveResponse } from "#shared/contracts/queue.ts"
import { call } from "../core/api.ts"

const count = (n: number, what: string) => n === 0 ? [] : [`${n} ${what}`]

/** How many there are of each outcome, in words. */
const tally = (outcomes: ReadonlyArray<string>): string => {
  const of = (outcome: string) => outcomes.filter((each) => each === outcome).length
  return [
    ...count(of("redriven"), "redriven"),
    ...count(of("discarded"), "discarded"),
    ...count(of("absent"), "gone already"),
    ...count(of("unreadable"), "unreadable, so left where they are"),
  ].join(", ") + "."
}

/** Puts them back on the queue. Says what became of them. */
export const redrive = async (letters: ReadonlyArray<string>, reason: string): Promise<string> => {
  const answer = await call<typeof RedriveResponse.Type>("/api/console/dead-letters/redrive", {
    body: { letters, reason },
  })
  return tally(answer.letters.map(({ outcome }) => outcome))
}

/** Throws them away. Says what became of them. */
export const discard = async (letters: ReadonlyArray<string>, reason: string): Promise<string> => {
  const answer = await call<typeof DiscardResponse.Type>("/api/console/dead-letters/discard", {
    body: { letters, reason },
  })
  return tally(answer.letters.map(({ outcome }) => outcome))
}
