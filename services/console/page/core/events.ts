/**
 * Server-sent events with a token, which EventSource cannot send. Reconnects by itself with
 * exponential backoff, and resumes after the last event that it received.
 */
import { createParser } from "eventsource-parser"
import { send } from "./api.ts"
import { asProblem, Problem, problemOf } from "./problem.ts"

export interface Listener {
  /** Returns true after the last event. */
  readonly event: (name: string, data: unknown) => boolean | void
  /** Called with null when connected, and with the cause when not. */
  readonly state: (problem: Problem | null) => void
}

const firstWaitMs = 500
const longestWaitMs = 10_000

/** Whether retrying cannot help. */
const isFinal = ({ status }: Problem) => [400, 401, 403, 404].includes(status)

/** Listens until the last event. Returns the function that stops it. */
export const listen = (path: string, listener: Listener): () => void => {
  const ending = new AbortController()
  const { signal } = ending
  const run = async () => {
    let waitMs = firstWaitMs
    let lastId = ""
    while (!signal.aborted) {
      try {
        const ended = await follow(path, listener, { lastId, signal }, (id) => {
          lastId = id ?? lastId
          waitMs = firstWaitMs
        })
        if (ended) return
      } catch (error) {
        if (signal.aborted) return
        const problem = asProblem(error)
        listener.state(problem)
        if (isFinal(problem)) return
      }
      await wait(waitMs * (0.5 + Math.random()), signal)
      waitMs = Math.min(waitMs * 2, longestWaitMs)
    }
  }
  void run()
  return () => ending.abort()
}

/** Reads one connection to its end. Returns true when no more events will come. */
const follow = async (
  path: string,
  listener: Listener,
  { lastId, signal }: { readonly lastId: string; readonly signal: AbortSignal },
  seen: (id: string | undefined) => void,
): Promise<boolean> => {
  const response = await send(path, {
    signal,
    headers: { accept: "text/event-stream", ...(lastId !== "" && { "last-event-id": lastId }) },
  })
  if (!response.ok) throw await problemOf(response)
  listener.state(null)
  if (response.status === 204 || response.body === null) return true
  let isOver = false
  const parser = createParser({
    onEvent: ({ id, event = "message", data }) => {
      seen(id)
      isOver = listener.event(event, JSON.parse(data)) === true || isOver
    },
  })
  const text = response.body.pipeThrough(new TextDecoderStream())
  const reader = text.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return isOver
    parser.feed(value)
  }
}

const wait = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      resolve()
    }, { once: true })
  })
