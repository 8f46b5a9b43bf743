/**
 * What a call between services needs of fetch, over Node's own client: its fetch leads each body through streams of the web,
 * which costs more than all that the caller does besides.
 */
import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http"
import { Agent as TlsAgent, request as httpsRequest } from "node:https"

const agent = new Agent({ keepAlive: true })
const tlsAgent = new TlsAgent({ keepAlive: true })

/** Sends a request whose body is a text, if it has one; rejects with the system's error. No redirect is followed. */
export const nodeFetch = (url: string, init: RequestInit): Promise<Response> =>
  new Promise((resolve, reject) => {
    const { body, headers, method, signal } = init
    const options = {
      method: method ?? "GET",
      headers: { ...headers as Record<string, string>, ...lengthOf(body) },
      ...(signal && { signal }),
    }
    const request: ClientRequest = url.startsWith("https:")
      ? httpsRequest(url, { ...options, agent: tlsAgent })
      : httpRequest(url, { ...options, agent })
    request.on("error", reject)
    request.once("response", (answer) => read(answer).then(resolve, reject))
    request.end(body)
  })

const lengthOf = (body: unknown) =>
  typeof body === "string" ? { "content-length": `${Buffer.byteLength(body)}` } : {}

const read = async (answer: IncomingMessage): Promise<Response> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  return new Response(Buffer.concat(chunks), {
    status: answer.statusCode ?? 0,
    headers: Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
  })
}
