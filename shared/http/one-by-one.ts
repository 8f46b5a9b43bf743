/**
 * Answers the requests of a connection one after the other. Pipelined requests (RFC 9112, 9.3.2)
 * would otherwise be handled all at once, and their answers buffered until they are read.
 */
import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"

/**
 * The most requests that wait on a connection. A client that sends more loses the connection, and
 * may retry.
 */
const waitingAtMost = 10

/** Node keeps the response being written here; Deno delivers one request at a time. */
type Answering = Socket & { readonly _httpMessage?: ServerResponse | null }

export const makeOneByOne = () => {
  const waiting = new WeakMap<Socket, number>()
  /** Waits until Node has written all answers before this one. */
  const turn = (socket: Socket, outgoing: ServerResponse) => {
    const count = (waiting.get(socket) ?? 0) + 1
    waiting.set(socket, count)
    if (count > waitingAtMost) socket.destroy()
    // A closed connection emits no such event.
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
