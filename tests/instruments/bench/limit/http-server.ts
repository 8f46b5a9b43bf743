/** A plain server of POST routes: JSON in, JSON out, both as texts. */
import { createServer, type IncomingHttpHeaders } from "node:http"

export interface Answer {
  readonly status: number
  /** JSON. */
  readonly text: string
}

/** If it fails, so does the program. */
export type Route = (text: string, headers: IncomingHttpHeaders) => Promise<Answer>

const notFound: Route = () => Promise.resolve({ status: 404, text: "{}" })

/** Serves the routes, by their paths without a slash at the end; resolves when it listens. */
export const serve = (port: number, routes: Readonly<Record<string, Route>>): Promise<void> => {
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\/$/, "") ?? ""
    const route = (request.method === "POST" ? routes[path] : undefined) ?? notFound
    let body = ""
    request.setEncoding("utf8")
    request.on("data", (text: string) => body += text)
    request.on("end", async () => {
      const { status, text } = await route(body, request.headers)
      const length = Buffer.byteLength(text)
      response.writeHead(status, { "content-type": "application/json", "content-length": length })
      response.end(text)
    })
  })
  // Clients keep their connections open.
  server.keepAliveTimeout = 0
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
}
