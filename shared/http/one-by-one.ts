/**
 * Answers the requests of a connection one after the other. Who sends many before the first is answered (RFC 9112, 9.3.2)
 * would else have them all answered at once, and the answers kept here until they are read.
 */
import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** So many wait behind the one that is answered; whoever sends more loses the connection, and may send them again. */
const waitingAtMost = 10

/** What is answered on a connection now, as Node keeps it; Deno hands on one request at a time. */
type Answering = Socket & { readonly _httpMessage?: ServerResponse | null }

export const makeOneByOne = () => {
  const waiting = new WeakMap<Socket, number>()
  /** Waits until Node has written all answers before this one. */
  const turn = (socket: Socket, outgoing: ServerResponse) => {
    const count = (waiting.get(socket) ?? 0) + 1
    waiting.set(socket, count)
    if (count > waitingAtMost) socket.destroy()
    // Of a connection that is closed there is none.
    return new Promise<void>((resolve) =>
      outgoing.once("socket", () => {
        waiting.set(socket, waiting.get(socket)! - 1)
        resolve()
      })
    )
  }
  return (
    socket: Answering,
    outgoing: ServerResponse,
    answer: () => Promise<Response>,
  ): Promise<Response> =>
    (socket._httpMessage ?? outgoing) === outgoing ? answer() : turn(socket, outgoing).then(answer)
}
