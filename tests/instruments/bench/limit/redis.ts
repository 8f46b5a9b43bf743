/** Redis over a plain socket. Commands are sent without waiting for the replies to earlier ones. */
import { connect } from "node:net"
import { type Command, decoder, encode, incomplete, type Reply } from "./resp.ts"

/**
 * Sends commands in one piece and returns their replies. Rejects with the error of the first
 * refused one.
 */
export type Redis = (...commands: ReadonlyArray<Command>) => Promise<ReadonlyArray<Reply>>

interface Waiting {
  readonly replies: Array<Reply>
  readonly expected: number
  readonly answer: (replies: ReadonlyArray<Reply>) => void
  readonly refuse: (error: Error) => void
}

/** Connects. If the connection breaks, the program ends. */
export const openRedis = (url: string): Redis => {
  const { hostname, port, username, password } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || 6379), noDelay: true })
  const waiting: Array<Waiting> = []
  let received: Buffer = Buffer.alloc(0)

  const settle = (reply: Reply) => {
    const first = waiting[0]
    if (first === undefined || first.replies.push(reply) < first.expected) return
    waiting.shift()
    const error = first.replies.find((reply) => reply instanceof Error)
    if (error === undefined) first.answer(first.replies)
    else first.refuse(error)
  }

  socket.on("data", (data: Buffer) => {
    received = received.length === 0 ? data : Buffer.concat([received, data])
    // Every reply ends with a newline: without one at its end, the buffer is incomplete.
    if (received.at(-1) !== 10) return
    const { reply, at } = decoder(received)
    let read = 0
    try {
      for (; read < received.length; read = at()) settle(reply())
    } catch (error) {
      if (error !== incomplete) throw error
    }
    received = received.subarray(read)
  })
  socket.on("close", () => {
    throw new Error("The connection to Redis broke")
  })

  const send: Redis = (...commands) =>
    new Promise((answer, refuse) => {
      waiting.push({ replies: [], expected: commands.length, answer, refuse })
      socket.write(commands.map(encode).join(""))
    })
  if (password) void send(["auth", username || "default", decodeURIComponent(password)])
  return send
}
