/**
 * Requests that the server refuses with a problem before any app sees them: those that the HTTP
 * parser cannot read, that arrive too late, or that two proxies may read differently. Deno's parser
 * distinguishes less: what Node refuses with 413 (chunk extensions) or 505 (version), it refuses
 * with 400 or accepts.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { malformedRequest, Problem, problemParts } from "./problem.ts"
import { dotSegments, hasDotSegment } from "./request-target.ts"

const tooLate = new Problem({
  status: 408,
  code: "request_timeout",
  detail: "The request did not arrive in time. Send it again, all of it at once.",
})

const extensionsTooLarge = new Problem({
  status: 413,
  code: "body_too_large",
  detail: "The chunk extensions of the body are too large. Send none.",
})

const unmetExpectation = new Problem({
  status: 417,
  code: "expectation_failed",
  detail:
    "Only the expectation 100-continue is supported. Send the request without its Expect header.",
})

const headersTooLarge = new Problem({
  status: 431,
  code: "headers_too_large",
  detail: "The request line and headers are too large. Send less than 16 KiB.",
})

const noTunnels = new Problem({
  status: 501,
  code: "not_implemented",
  detail: "CONNECT is not supported. /docs lists the routes.",
})

const wrongVersion = new Problem({
  status: 505,
  code: "http_version_not_supported",
  detail: "This version of HTTP is not supported. Use HTTP/1.1.",
})

/** RFC 9112 (3.2): a request has at most one Host, and with HTTP/1.1 it needs one. */
export const wrongHost = new Problem({
  status: 400,
  code: "invalid_host",
  detail: "The Host header is not one host and port. Send the name of this service, once.",
})

/**
 * The problem of a header that appears more than once: the service would have to choose a value.
 */
export const twice = (header: string): Problem =>
  new Problem({
    status: 400,
    code: "duplicate_header",
    detail: `The header ${header} appears more than once. Send it once.`,
  })

/** The headers besides Host whose values cannot be joined into a list; in lower case. */
const single = new Set(["idempotency-key", "authorization", "content-type"])
const lengths = new Set([...single, "host"].map(({ length }) => length))

/** `headers` alternates names and values, as they were sent. */
const refusalOfHeaders = (headers: ReadonlyArray<string>, needsHost: boolean) => {
  const seen: Array<string> = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!
    // The length alone rules out most headers.
    if (!lengths.has(name.length)) continue
    const known = name.toLowerCase()
    if (known !== "host" && !single.has(known)) continue
    if (seen.includes(known)) return known === "host" ? wrongHost : twice(name)
    seen.push(known)
  }
  return needsHost && !seen.includes("host") ? wrongHost : undefined
}

/** The problem of a request that no app may see; undefined for all others. */
export const refusalOf = (incoming: IncomingMessage): Problem | undefined => {
  const { httpVersionMajor, httpVersionMinor, rawHeaders, url = "" } = incoming
  if (httpVersionMajor !== 1) return wrongVersion
  if (hasDotSegment(url)) return dotSegments
  return refusalOfHeaders(rawHeaders, httpVersionMinor > 0)
}

const problemsOfParser: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: tooLate,
  HPE_HEADER_OVERFLOW: headersTooLarge,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: extensionsTooLarge,
  HPE_INVALID_VERSION: wrongVersion,
  HPE_PAUSED_H2_UPGRADE: wrongVersion,
}

/** Answers on a socket from which no complete request could be read, and closes it. */
const refuse = (socket: Duplex, problem: Problem) => {
  const { title, body, headers } = problemParts(problem, crypto.randomUUID())
  const lines = Object.entries({
    ...headers,
    "content-length": Buffer.byteLength(body),
    date: new Date().toUTCString(),
    connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${problem.status} ${title}\r\n${lines.join("")}\r\n${body}`, () => {
    socket.destroy()
  })
}

/**
 * Node keeps the response being written here. A problem written into its middle would be read as a
 * part of it.
 */
type Answering = Duplex & { readonly _httpMessage?: ServerResponse | null }

/** Makes a server answer with a problem where Node's own answer has no body. */
export const answerWithProblems = (server: Server): void => {
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Answering) => {
    if (!socket.writable || socket._httpMessage?.headersSent) return socket.destroy()
    refuse(socket, problemsOfParser[error.code ?? ""] ?? malformedRequest)
  })
  server.on("connect", (_, socket) => refuse(socket, noTunnels))
  // Not on the socket: earlier requests of the connection may still wait for their answers.
  server.on("checkExpectation", (_, response: ServerResponse) => {
    const { body, headers } = problemParts(unmetExpectation, crypto.randomUUID())
    response.writeHead(unmetExpectation.status, {
      ...headers,
      "content-length": Buffer.byteLength(body),
      connection: "close",
    }).end(body)
  })
}
