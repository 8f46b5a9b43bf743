/** The Redis protocol, version 2: commands as texts, and the replies in a buffer. */

export type Reply = string | number | null | Error | ReadonlyArray<Reply>
export type Command = ReadonlyArray<string | number>

const carriageReturn = 13
const minus = 45
const zero = 48

export const encode = (command: Command): string => {
  let text = `*${command.length}\r\n`
  for (const word of command) text += `$${Buffer.byteLength(`${word}`)}\r\n${word}\r\n`
  return text
}

/** Thrown if the buffer ends before the reply does. */
export const incomplete = Symbol("incomplete")

/**
 * Makes the reader of a buffer's replies: `reply` returns the next one, `at` tells how far it is.
 */
export const decoder = (buffer: Buffer) => {
  let at = 0

  const byte = (): number => buffer[at++] ?? cutOff()

  const number = (): number => {
    let value = 0
    let sign = 1
    for (let next = byte(); next !== carriageReturn; next = byte()) {
      if (next === minus) sign = -1
      else value = 10 * value + next - zero
    }
    at++
    return sign * value
  }

  const line = (): string => {
    const end = buffer.indexOf(carriageReturn, at)
    if (end < 0) cutOff()
    const text = buffer.toString("utf8", at, end)
    at = end + 2
    return text
  }

  const bulk = (): string | null => {
    const length = number()
    if (length < 0) return null
    if (at + length + 2 > buffer.length) cutOff()
    const text = buffer.toString("utf8", at, at + length)
    at += length + 2
    return text
  }

  const list = (): ReadonlyArray<Reply> | null => {
    const length = number()
    if (length < 0) return null
    const replies: Array<Reply> = []
    for (let n = 0; n < length; n++) replies.push(reply())
    return replies
  }

  const reply = (): Reply => {
    const kind = String.fromCharCode(byte())
    if (kind === "*") return list()
    if (kind === "$") return bulk()
    if (kind === ":") return number()
    const text = line()
    return kind === "-" ? new Error(text) : text
  }

  return { reply, at: () => at }
}

const cutOff = (): never => {
  throw incomplete
}
