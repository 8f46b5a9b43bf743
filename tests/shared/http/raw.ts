/** Talks to a server in bytes, as badly behaved clients do. */
import { Effect } from "effect"
import { once } from "node:events"
import { connect } from "node:net"

export interface Told {
  /** Everything that came back until the server hung up. */
  readonly answer: string
  readonly afterMs: number
}

/** Sends the bytes as they are, and waits until the server hangs up. */
export const sendRaw = (port: number, text: string): Effect.Effect<Told> =>
  Effect.promise(async () => {
    const startedAtMs = performance.now()
    const socket = connect(port, "127.0.0.1").setEncoding("utf8")
    let answer = ""
    socket.on("data", (chunk) => answer += chunk)
    socket.on("error", () => {})
    socket.write(text)
    await once(socket, "close")
    return { answer, afterMs: performance.now() - startedAtMs }
  })
