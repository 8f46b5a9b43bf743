/** The actions on dead letters. */
import type { DiscardResponse, RedriveResponse } from "#shared/contracts/queue.ts"
import { call } from "../core/api.ts"

const count = (n: number, what: string) => n === 0 ? [] : [`${n} ${what}`]

/** The number of letters with each outcome, in words. */
const tally = (outcomes: ReadonlyArray<string>): string => {
  const of = (outcome: string) => outcomes.filter((each) => each === outcome).length
  return [
    ...count(of("redriven"), "redriven"),
    ...count(of("discarded"), "discarded"),
    ...count(of("absent"), "already gone"),
    ...count(of("unreadable"), "unreadable and kept"),
  ].join(", ") + "."
}

/** Puts their orders back on the queue. Returns the outcome in words. */
export const redrive = async (letters: ReadonlyArray<string>, reason: string): Promise<string> => {
  const answer = await call<typeof RedriveResponse.Type>("/api/console/dead-letters/redrive", {
    body: { letters, reason },
  })
  return tally(answer.letters.map(({ outcome }) => outcome))
}

/** Removes them for good. Returns the outcome in words. */
export const discard = async (letters: ReadonlyArray<string>, reason: string): Promise<string> => {
  const answer = await call<typeof DiscardResponse.Type>("/api/console/dead-letters/discard", {
    body: { letters, reason },
  })
  return tally(answer.letters.map(({ outcome }) => outcome))
}
