/**
 * The part of fetch that calls between services need, over Node's own client. Node's fetch pipes
 * each body through web streams, which costs more than the rest of the call; Deno's uses the proxy
 * in HTTP_PROXY, which cannot resolve the services.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http"
import { Agent as TlsAgent, request as httpsRequest } from "node:https"

// An empty proxy environment: with NODE_USE_ENV_PROXY, Deno uses that of the process.
const options = { keepAlive: true, proxyEnv: {} }
const agent = new Agent(options)
const tlsAgent = new TlsAgent(options)

/** Several times the size of any answer; a larger one would only fill the memory. */
export const maxAnswerBytes = 16 * 1024 * 1024

/** The answer exceeds `maxAnswerBytes`. */
export class AnswerTooLarge extends Error {}

/** The part of a Response that callers use. */
export interface HttpAnswer extends Pick<Response, "status" | "text" | "json"> {
  readonly headers: Pick<Headers, "get">
}

/**
 * Sends a request, with a text for a body if it has one. Rejects with the system's error. Follows
 * no redirects.
 */
export const nodeFetch = (url: string, init: RequestInit): Promise<HttpAnswer> =>
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

const read = (answer: IncomingMessage): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const chunks: Array<Buffer> = []
    let size = 0
    answer.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > maxAnswerBytes) answer.destroy(new AnswerTooLarge())
      else chunks.push(chunk)
    })
    // A truncated answer emits an error and no end.
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
