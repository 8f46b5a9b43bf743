/**
 * Tries the checks on a participant, one after the other, and gives back what they have reserved.
 */
import type { OrderId } from "#shared/contracts/order.ts"
import { Broken, type Check, NotTried, type Rule, Stopped } from "./check.ts"
import { checks } from "./checks/all.ts"
import { firstContact, makeContact } from "./contact.ts"
import { Kit } from "./kit.ts"
import { makeRestart } from "./restart.ts"
import { readTokens } from "./tokens.ts"
import { makeWire } from "./wire.ts"

export interface Options {
  /** Without a trailing slash. */
  readonly url: string
  readonly resource: string
  readonly key: { readonly file: string; readonly name: string } | undefined
  readonly restart: string | undefined
  readonly seed: number
  /** The names of the checks to try; all if it is empty. */
  readonly only: ReadonlyArray<string>
  readonly timeoutMs: number
}

export interface Result {
  readonly check: Rule
  readonly came: "kept" | "broken" | "not tried"
  /** What was seen, or why it was not tried. */
  readonly saw: string
  readonly tookMs: number
}

export interface Report {
  readonly results: ReadonlyArray<Result>
  /** What was available of the resource before and after the run; undefined when it is unknown. */
  readonly before: number | undefined
  readonly after: number | undefined
  /** Orders that may still hold something. */
  readonly held: ReadonlyArray<OrderId>
  /** How often a busy participant had to be asked again. */
  readonly askedAgain: number
  /** Why not everything was tried, if something stopped the run. */
  readonly stopped: string | undefined
}

const readyWithinMs = 120_000

/** How long giving back may take after a person has ended the run. */
const giveBackWithinMs = 7_000

/**
 * Tells each result as it comes. The signal ends the run early; it still gives back what it holds,
 * and its report has the other checks as not tried. Rejects with Unusable or KeyFault.
 */
export const conform = async (
  options: Options,
  tell: (result: Result) => void,
  signal: AbortSignal,
): Promise<Report> => {
  const { url, timeoutMs, resource, seed } = options
  const tokens = options.key && await readTokens(options.key.file, options.key.name)
  const token = () => tokens === undefined ? Promise.resolve(undefined) : tokens.right()
  const wireUntil = (signal: AbortSignal) => makeWire({ url, timeoutMs, token, signal })
  const wire = wireUntil(signal)
  const restart = options.restart === undefined
    ? undefined
    : makeRestart(wire, { command: options.restart, readyWithinMs })
  const kit = new Kit({ wire, resource, seed, tokens, restart, timeoutMs })
  const results: Array<Result> = []
  const add = (result: Result) => {
    results.push(result)
    tell(result)
  }
  const found = await tryAll(kit, options, add).catch((error: unknown) => {
    if (!signal.aborted) throw error
    const tried = results.map(({ check }) => check)
    for (const check of wantedIn(options).filter((check) => !tried.includes(check))) {
      results.push({ check, came: "not tried", saw: ended, tookMs: 0 })
    }
    return { before: undefined, after: undefined, stopped: ended }
  })
  if (signal.aborted) kit.wire = wireUntil(AbortSignal.timeout(giveBackWithinMs))
  return { ...found, results, held: await kit.giveBack(), askedAgain: kit.askedAgain }
}

const ended = "it was ended"

const wantedIn = ({ only }: Options) =>
  checks.filter(({ name }) => only.length === 0 || only.includes(name))

const tryAll = async (
  kit: Kit,
  options: Options,
  add: (result: Result) => void,
): Promise<Pick<Report, "before" | "after" | "stopped">> => {
  const { url, key } = options
  const startedMs = performance.now()
  let stopped = await makeContact(kit, { url, hasKey: key !== undefined })
    .then(() => undefined, (error: unknown) => {
      if (!(error instanceof Broken)) throw error
      const tookMs = performance.now() - startedMs
      add({ check: firstContact, came: "broken", saw: error.message, tookMs })
      return "the first answers break the protocol"
    })
  const before = stopped === undefined ? kit.available : undefined
  for (const check of wantedIn(options)) {
    const why = stopped ?? lacks(check, options)
    if (why !== undefined) {
      add({ check, came: "not tried", saw: why, tookMs: 0 })
      continue
    }
    const tried = await tryOne(kit, check)
    add(tried.result)
    stopped = tried.stopped
  }
  return { before, after: stopped === undefined ? kit.available : undefined, stopped }
}

const lacks = ({ needs }: Check, { key, restart }: Options): string | undefined => {
  if (needs === "--key" && key === undefined) return "without --key no token is sent"
  if (needs === "--restart" && restart === undefined) return "without --restart nothing is killed"
  return undefined
}

interface Tried {
  readonly result: Result
  /** Why nothing more can be tried. */
  readonly stopped: string | undefined
}

const tryOne = async (kit: Kit, check: Check): Promise<Tried> => {
  const startedMs = performance.now()
  let came: Result["came"] = "kept"
  let stopped: string | undefined
  let saw = await check.run(kit).catch((error: unknown) => {
    if (error instanceof Broken) came = "broken"
    else if (error instanceof NotTried) came = "not tried"
    else if (error instanceof Stopped) {
      came = "not tried"
      stopped = error.message
    } else throw error
    return error.message
  })
  if (stopped === undefined) {
    const after = await settle(kit)
    if (came === "kept" && after.wrong !== undefined) {
      came = "broken"
      saw = after.wrong
    }
    stopped = after.stopped
  }
  return { result: { check, came, saw, tookMs: performance.now() - startedMs }, stopped }
}

/** Gives everything back, and counts: after each check as much has to be available as before. */
const settle = async (kit: Kit) => {
  const before = kit.available
  try {
    await kit.giveBack()
    kit.available = await kit.left()
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    return { wrong: error.message, stopped: `after that: ${error.message}` }
  }
  return {
    wrong: kit.available === before
      ? undefined
      : `After all was given back, ${kit.available} of ${kit.resource} were left, and ${before} before: ` +
        "a balance is wrong, or somebody else uses it",
    stopped: kit.available > 0
      ? undefined
      : `nothing is left of ${kit.resource}: what was reserved did not come back`,
  }
}
