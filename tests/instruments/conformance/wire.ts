/** Requests to the participant, one attempt each. Nothing is assumed about its answers. */
import { request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import { setTimeout as pause } from "node:timers/promises"
import { printable } from "#shared/command/printable.ts"
import { nodeFetch } from "#shared/http/node-fetch.ts"

export interface Sent {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly path: string
  readonly body?: string
  /** The type of the body, if that is not JSON. */
  readonly contentType?: string
  /** Replaces the caller's valid token; null for none. */
  readonly token?: string | null
  /** The scheme of the header Authorization, if it is spelt otherwise than "Bearer". */
  readonly scheme?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Pick<Headers, "get">
  readonly text: string
}

/** There is no answer; the message says why, in words that can follow "It". */
export class Unanswered extends Error {
  readonly kind: "refused" | "broken" | "late" | "aborted"

  constructor(kind: Unanswered["kind"], message: string) {
    super(message)
    this.kind = kind
  }
}

export interface WireOptions {
  readonly url: string
  /** How long it may take to answer. */
  readonly timeoutMs: number
  /** The caller's valid token; undefined when tokens are not tried. */
  readonly token: () => Promise<string | undefined>
  /** Ends all requests. */
  readonly signal: AbortSignal
}

export interface Wire {
  /** Rejects with Unanswered. */
  readonly send: (sent: Sent) => Promise<Answer>
  /**
   * Sends it and hangs up, at the first byte of the answer or after so many milliseconds; the
   * answer is lost.
   */
  readonly cut: (sent: Sent, after: number | "the first byte") => Promise<void>
}

const neverSent = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/

export const makeWire = ({ url, timeoutMs, token, signal }: WireOptions): Wire => {
  const headersOf = async (sent: Sent) => {
    const { body, contentType = "application/json", token: given, scheme = "Bearer" } = sent
    const shown = given === undefined ? await token() : given
    return {
      ...(body !== undefined && { "content-type": contentType }),
      ...(shown != null && { authorization: `${scheme} ${shown}` }),
    }
  }
  const unanswered = (error: NodeJS.ErrnoException, isEnded: boolean): Unanswered => {
    if (signal.aborted) return new Unanswered("aborted", "was not asked any more")
    if (isEnded) return new Unanswered("late", `did not answer within ${timeoutMs / 1000} s`)
    const why = printable(error.code ?? error.message)
    return neverSent.test(`${why} ${error.message}`)
      ? new Unanswered("refused", `cannot be reached (${why})`)
      : new Unanswered("broken", `broke the connection (${why})`)
  }
  return {
    send: async (sent) => {
      const headers = await headersOf(sent)
      if (signal.aborted) throw unanswered(new Error("It was ended"), true)
      const limit = new AbortController()
      const end = () => limit.abort()
      // On Deno, the signal does not end a request on a reused connection.
      const ended = new Promise<never>((_, reject) => {
        limit.signal.addEventListener("abort", () => reject(new Error("It was ended")))
      })
      const timer = setTimeout(end, timeoutMs)
      signal.addEventListener("abort", end)
      const init = {
        method: sent.method,
        headers,
        signal: limit.signal,
        ...(sent.body !== undefined && { body: sent.body }),
      }
      try {
        const answer = await Promise.race([nodeFetch(url + sent.path, init), ended])
        return { status: answer.status, headers: answer.headers, text: await answer.text() }
      } catch (error) {
        throw unanswered(error as Error, limit.signal.aborted)
      } finally {
        clearTimeout(timer)
        signal.removeEventListener("abort", end)
      }
    },
    cut: async (sent, after) => {
      const { method, path, body = "" } = sent
      const headers = { ...await headersOf(sent), "content-length": Buffer.byteLength(body) }
      const open = url.startsWith("https:") ? httpsRequest : httpRequest
      const request = open(url + path, { method, headers, agent: false, signal })
      const over = new Promise<void>((resolve) => {
        request.once("close", resolve)
        request.on("error", () => resolve())
        request.once("response", () => request.destroy())
        request.setTimeout(timeoutMs, () => request.destroy())
      })
      request.end(body)
      if (after !== "the first byte") {
        await Promise.race([over, pause(after)])
        request.destroy()
      }
      await over
    },
  }
}
