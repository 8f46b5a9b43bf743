/** A plain client: posts JSON texts over connections that stay open. */
import { Agent, request } from "node:http"

/** Posts to a path and returns the text of the answer. Rejects if it is not a success. */
export type Post = (path: string, text: string) => Promise<string>

export const clientOf = (url: string, connections: number): Post => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const { hostname, port } = new URL(url)
  return (path, text) =>
    new Promise((resolve, reject) => {
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(text),
      }
      const sent = request({ agent, hostname, port, path, method: "POST", headers }, (response) => {
        let body = ""
        response.setEncoding("utf8")
        response.on("data", (part: string) => body += part)
        response.on("end", () => {
          if (response.statusCode === 200) resolve(body)
          else reject(new Error(`${url}${path} answered ${response.statusCode}`))
        })
      })
      sent.on("error", reject)
      sent.end(text)
    })
}
