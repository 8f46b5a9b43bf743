/** Reads HTTP answers from a connection, in pieces of any size: just enough of HTTP for a load. */

/**
 * Makes the function that takes the pieces. It calls `answered` with each answer's status and text.
 */
export const answerReader = (answered: (status: number, text: string) => void) => {
  let text = ""
  return (piece: Buffer): void => {
    text += piece.toString("latin1")
    const head = text.indexOf("\r\n\r\n")
    if (head < 0) return
    const headers = text.slice(0, head).toLowerCase()
    const end = headers.includes("transfer-encoding: chunked")
      ? text.endsWith("0\r\n\r\n") ? text.length : Infinity
      : head + 4 + Number(/\r\ncontent-length: (\d+)/.exec(headers)?.[1] ?? 0)
    if (text.length < end) return
    const answer = text
    text = ""
    answered(Number(answer.slice(9, 12)), answer)
  }
}
