/**
 * The allowed licences. Packages that ship need permissive licences, which require only their
 * notice. Packages that only build and test may also have licences that require publishing changes
 * to the package itself.
 */
/** SPDX identifiers. */
export const permissive: ReadonlyArray<string> = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "Unlicense",
]
export const forDevelopment: ReadonlyArray<string> = [...permissive, "MPL-2.0", "WTFPL"]

/**
 * The licences of packages that state theirs in words that npm does not record. A person read them
 * in exactly these versions.
 */
export const readByHand: Readonly<Record<string, string>> = {
  "httpntlm@1.8.13": "MIT",
  "stack-trace@0.0.9": "MIT",
}

/** Whether an SPDX expression allows using the package under only these licences. */
export const allows = (allowed: ReadonlyArray<string>, expression: string): boolean => {
  const words = expression.match(/[()]|[^\s()]+/g) ?? []
  let at = 0
  const either = (): boolean => {
    let holds = both()
    for (; words[at] === "OR"; holds = both() || holds) at += 1
    return holds
  }
  const both = (): boolean => {
    let holds = one()
    for (; words[at] === "AND"; holds = one() && holds) at += 1
    return holds
  }
  const one = (): boolean => {
    const word = words[at++]
    if (word !== "(") return word !== undefined && allowed.includes(word)
    const holds = either()
    return words[at++] === ")" && holds
  }
  // Leftover words mean an unsupported expression, such as one WITH an exception.
  const holds = either()
  return at === words.length && holds
}

interface Licensed {
  readonly ref: string
  readonly kind: "package" | "container"
  readonly licence?: string | undefined
}

/**
 * A line for each package with its licence, and the problems; `ships` says which packages ship.
 */
export const licenceTable = <C extends Licensed>(
  components: ReadonlyArray<C>,
  ships: (component: C) => boolean,
): { readonly lines: ReadonlyArray<string>; readonly wrong: ReadonlyArray<string> } => {
  const packages = components.filter(({ kind }) => kind === "package")
  return {
    lines: packages.map((component) => {
      const { ref, licence = "none named" } = component
      return `${licence.padEnd(28)}${ref}${ships(component) ? "" : "  (development)"}`
    }),
    wrong: packages.flatMap((component) => {
      const { ref, licence } = component
      const allowed = ships(component) ? permissive : forDevelopment
      if (licence !== undefined && allows(allowed, licence)) return []
      const use = ships(component) ? "what ships" : "development"
      return [`${ref}: ${licence ?? "no licence is named"}, which is not allowed for ${use}`]
    }),
  }
}
