/** The command line of the conformance kit. */
import { randomInt } from "node:crypto"
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { urlOf, wholeOf } from "#shared/command/values.ts"
import { checks } from "./checks/all.ts"
import type { Options } from "./run.ts"

export interface Asked extends Options {
  readonly json: boolean
  readonly junit: string | undefined
}

/** Longer than any caller of the protocol waits. */
const timeoutMs = 30_000
const mostSeed = 2 ** 31 - 1

export const conformanceSyntax = syntax({
  call: "npm run conformance",
  usage: "-- --url U --resource R [--key K --name N] [--restart COMMAND]\n" +
    "[--seed S] [--only CHECK]... [--json] [--junit FILE]",
  about:
    `Tries whether a participant, in any language, keeps the protocol (docs/protocol.md). It uses HTTP
alone, reports what it tried, what it saw and what the protocol says, and gives back what it has
reserved.

It needs a resource of its own, with at least 1 of it available: it briefly takes all of it, to
count it. A few thousand orders of its own stay on record until the participant forgets them. It
touches no other resources and no other orders, so it can be run in a test system; never run it in
production.`,
  options: {
    url: { type: "string", value: "U", says: "the participant's internal address" },
    resource: {
      type: "string",
      value: "R",
      says: "the resource to reserve: nobody else may use it",
    },
    key: {
      type: "string",
      value: "K",
      says: "the file with the caller's private key (JWK), as npm run keys makes it for the " +
        "orchestrator; without it no token is sent, and the checks of tokens are not tried",
    },
    name: {
      type: "string",
      value: "N",
      says: "the participant's own name, which is the audience of the tokens",
    },
    restart: {
      type: "string",
      value: "COMMAND",
      says:
        "kills the participant (kill -9), starts it again with the same data, and exits; it is " +
        "run while requests are in flight. Without it nothing is killed",
    },
    seed: {
      type: "string",
      value: "S",
      says: "repeats the random batches of the run that printed this seed",
    },
    only: {
      type: "string",
      value: "CHECK",
      multiple: true,
      says: "tries only this check, by its name in the report; may be given more than once",
    },
    json: {
      type: "boolean",
      says: "prints the whole report as JSON, and the lines on standard error",
    },
    junit: { type: "string", value: "FILE", says: "also writes the report as JUnit XML" },
  },
  closing:
    `Exits with 0 when every rule that was tried is kept, with 1 when one is broken, and with 2 when the
participant cannot be tried, or an option is wrong. Ctrl-C ends it: it gives back what it holds,
reports what was tried until then, and exits with 130.`,
  read: ({ url, resource, key, name, restart, seed, only = [], json = false, junit }): Asked => {
    if (url === undefined || !resource) throw new Misused("It needs --url and --resource")
    if ((key === undefined) !== (name === undefined)) {
      throw new Misused("--key and --name belong together")
    }
    if ([key, name, restart, junit].includes("")) throw new Misused("An option has no value")
    if (resource.length > 150) throw new Misused("--resource has at most 150 characters")
    const unknown = only.find((one) => !checks.some((check) => check.name === one))
    if (unknown !== undefined) {
      const names = checks.map(({ name }) => name).join(", ")
      throw new Misused(`There is no check ${JSON.stringify(unknown)}, but ${names}`)
    }
    return {
      url: urlOf("--url", url, "http://localhost:9084"),
      resource,
      key: key === undefined || name === undefined ? undefined : { file: key, name },
      restart,
      seed: seed === undefined
        ? randomInt(mostSeed)
        : wholeOf("--seed", seed, { least: 0, most: mostSeed, such: 42 }),
      only,
      timeoutMs,
      json,
      junit,
    }
  },
})
