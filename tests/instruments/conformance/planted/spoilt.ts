/** Invalid answers in place of valid ones. */
import type { ServerResponse } from "node:http"
import type { Outcome } from "#shared/contracts/reservation.ts"
import type { BadAnswer } from "./bugs.ts"

/** Spoils a valid answer; returns the text to send in its place, if any. */
export const spoilt = (
  bad: BadAnswer,
  outcomes: ReadonlyArray<Outcome>,
  response: ServerResponse,
): string | undefined => {
  const bads: Readonly<Record<BadAnswer, () => string | undefined>> = {
    "another-order": () => JSON.stringify({ outcomes: outcomes.toReversed() }),
    "one-twice": () => JSON.stringify({ outcomes: [...outcomes, outcomes[0]] }),
    "one-too-few": () => JSON.stringify({ outcomes: outcomes.slice(1) }),
    "an-unknown-outcome": () =>
      JSON.stringify({ outcomes: outcomes.map((one) => ({ ...one, outcome: "ok" })) }),
    "html": () => "<html>Welcome",
    "nothing": () => "",
    "a-list": () => JSON.stringify(outcomes),
    "another-version": () => JSON.stringify({ results: outcomes }),
    "an-error": () => {
      response.statusCode = 500
      return "Traceback"
    },
    "a-cut": () => void response.destroy(),
    "silence": () => undefined,
  }
  return bads[bad]()
}
