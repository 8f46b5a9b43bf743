/**
 * What a call between services needs of fetch, over Node's own client. Node's fetch leads each body through streams of the
 * web, which costs more than all that the caller does besides; Deno's goes through the proxy that HTTP_PROXY names, where
 * nobody knows the services.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http"
import { Agent as TlsAgent, request as httpsRequest } from "node:https"

// An environment for proxies of its own, which is empty: with NODE_USE_ENV_PROXY, Deno takes the process's.
const options = { keepAlive: true, proxyEnv: {} }
const agent = new Agent(options)
const tlsAgent = new TlsAgent(options)

/** Some times what any answer has: more is none, and would only fill the memory. */
export const maxAnswerBytes = 16 * 1024 * 1024

/** The answer has more than `maxAnswerBytes`. */
export class AnswerTooLarge extends Error {}

/** What is used of an answer. */
export interface Answer extends Pick<Response, "status" | "text" | "json"> {
  readonly headers: Pick<Headers, "get">
}

/** Sends a request whose body is a text, if it has one; rejects with the system's error. No redirect is followed. */
export const nodeFetch = (url: string, init: RequestInit): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { body, headers, method, signal } = init
    const sent = {
      method: method ?? "GET",
      headers: { ...headers as Record<string, string>, ...lengthOf(body) },
      ...(signal && { signal }),
    }
    const request: ClientRequest = url.startsWith("https:")
      ? httpsRequest(url, { ...sent, agent: tlsAgent })
      : httpRequest(url, { ...sent, agent })
    request.on("error", reject)
    request.once("response", (answer) => read(answer).then(resolve, reject))
    request.end(body)
  })

const lengthOf = (body: unknown) =>
  typeof body === "string" ? { "content-length": `${Buffer.byteLength(body)}` } : {}

const read = (answer: IncomingMessage): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const chunks: Array<Buffer> = []
    let size = 0
    answer.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > maxAnswerBytes) answer.destroy(new AnswerTooLarge())
      else chunks.push(chunk)
    })
    // One that is cut off has an error, and no end.
    answer.on("error", reject)
    answer.on("end", () => {
      const text = Buffer.concat(chunks).toString()
      resolve({
        status: answer.statusCode ?? 0,
        headers: { get: (name) => headerOf(answer, name) },
        text: () => Promise.resolve(text),
        json: () => new Promise((parsed) => parsed(JSON.parse(text))),
      })
    })
  })

const headerOf = (answer: IncomingMessage, name: string): string | null => {
  const value = answer.headers[name.toLowerCase()]
  return Array.isArray(value) ? value.join(", ") : value ?? null
}
