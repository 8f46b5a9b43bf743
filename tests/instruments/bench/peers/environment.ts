/** What the harness tells a peer, by environment variables; README.md lists them. */

/** The value of a variable that has to be there. */
export const given = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`${name} is not set: see README.md`)
  return value
}

/** A whole number above zero, or the default where the variable is not set. */
export const count = (name: string, otherwise: number): number => {
  const value = process.env[name]
  if (value === undefined || value === "") return otherwise
  if (!/^[1-9]\d*$/.test(value)) throw new Error(`${name} is no whole number above zero: ${value}`)
  return Number(value)
}
