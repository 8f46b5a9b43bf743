/**
 * Redis commands on their way to a server, separated by the rules of RESP: each is an array of bulk
 * strings.
 */

/**
 * Makes a function that takes chunks and returns the commands that are complete by then, each with
 * its name.
 */
export const respCommands = () => {
  let rest = Buffer.alloc(0)
  return (chunk: Buffer): ReadonlyArray<{ readonly name: string; readonly bytes: Buffer }> => {
    rest = Buffer.concat([rest, chunk])
    const commands = []
    for (let end = endOf(rest); end !== undefined; end = endOf(rest)) {
      const bytes = rest.subarray(0, end)
      commands.push({ name: bytes.toString("latin1").split("\r\n")[2]!.toLowerCase(), bytes })
      rest = rest.subarray(end)
    }
    return commands
  }
}

/** The end of the first command, if it is complete. */
const endOf = (buffer: Buffer): number | undefined => {
  const numberAt = (at: number) => {
    const end = buffer.indexOf("\r\n", at)
    return end < 0
      ? undefined
      : { value: Number(buffer.toString("latin1", at + 1, end)), end: end + 2 }
  }
  const words = numberAt(0)
  if (words === undefined) return undefined
  let at = words.end
  for (let n = 0; n < words.value; n++) {
    const length = numberAt(at)
    if (length === undefined) return undefined
    at = length.end + length.value + 2
  }
  return at <= buffer.length ? at : undefined
}

/** A driver's commands when it connects; a server answers them even if it refuses all others. */
export const isGreeting = (name: string): boolean => /^(client|auth|select|hello)$/.test(name)
