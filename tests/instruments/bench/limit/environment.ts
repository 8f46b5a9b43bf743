/**
 * The environment of a limit program. A missing or invalid variable ends the program with one line.
 */

/** The variables of these names. If a name ends in URL, its value must be a URL. */
export const environment = <const Name extends string>(
  ...names: ReadonlyArray<Name>
): Record<Name, string> => {
  const missing = names.filter((name) => !process.env[name])
  if (missing.length > 0) stop(`missing in the environment: ${missing.join(", ")}`)
  const wrong = names.filter((name) => /URL$/.test(name) && !URL.canParse(process.env[name] ?? ""))
  if (wrong.length > 0) stop(`not a URL in the environment: ${wrong.join(", ")}`)
  return Object.fromEntries(names.map((name) => [name, process.env[name]])) as Record<Name, string>
}

/** The whole number in a variable. */
export const whole = (name: string, fallback?: number): number => {
  const text = process.env[name] || fallback?.toString()
  if (text === undefined) stop(`missing in the environment: ${name}`)
  const number = Number(text)
  return Number.isInteger(number) && number > 0
    ? number
    : stop(`${name} is not a whole number above 0`)
}

/** Prints that the program can be used, and lets SIGTERM end it at once. */
export const ready = (): void => {
  process.on("SIGTERM", () => process.exit())
  console.log("ready")
}

const stop = (why: string): never => {
  console.error(`${why}: see README.md`)
  process.exit(1)
}
