/** Clients that keep their connection and send again after a pause. */
import { Agent, request } from "node:http"
import { setTimeout as pause } from "node:timers/promises"

export interface Outcome {
  requests: number
  readonly failed: Array<string>
}

const ask = (agent: Agent, port: number, method: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const body = method === "POST" ? "{}" : undefined
    const headers = body && { "content-type": "application/json", "content-length": body.length }
    const sent = request({
      host: "127.0.0.1",
      port,
      method,
      path,
      agent,
      ...(headers && { headers }),
    })
    sent.once("error", reject)
    sent.once("response", (response) => {
      response.once("error", reject)
      response.once("end", () => resolve(response.statusCode ?? 0))
      response.resume()
    })
    sent.end(body)
  })

/**
 * Sends requests on one connection, with pauses of the given length, until it is told to stop;
 * counts the failures.
 */
export const keepAsking = async (
  outcome: Outcome,
  { port, gapMs, what, over }: {
    readonly port: number
    readonly gapMs: number
    readonly what: ReadonlyArray<readonly [method: string, path: string]>
    readonly over: AbortSignal
  },
): Promise<void> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let n = 0; !over.aborted; n++) {
    const [method, path] = what[n % what.length]!
    outcome.requests++
    await ask(agent, port, method, path).then(
      (status) =>
        void (status >= 400 && outcome.failed.push(`${method} after ${gapMs} ms: ${status}`)),
      (error) => outcome.failed.push(`${method} after ${gapMs} ms: ${error}`),
    )
    await pause(gapMs, undefined, { signal: over }).catch(() => {})
  }
  agent.destroy()
}
