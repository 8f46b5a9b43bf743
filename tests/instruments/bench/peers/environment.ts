/** The environment variables of a peer; README.md lists them. */

/** The value of a required variable. */
export const given = (name: string): string => {
  const value = process.env[name]
  if (value === undefined || value === "") throw new Error(`${name} is missing: see README.md`)
  return value
}

/** A whole number above zero, or the default of a variable that is not set. */
export const count = (name: string, otherwise: number): number => {
  const value = process.env[name]
  if (value === undefined || value === "") return otherwise
  if (!/^[1-9]\d*$/.test(value)) throw new Error(`${name} is not a whole number above 0: ${value}`)
  return Number(value)
}
