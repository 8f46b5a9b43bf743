/** The command line of `npm run sbom`. */
import { parseArgs } from "node:util"

/** The ways to tell what the system is made of. */
export const forms = ["cyclonedx", "spdx", "licences"] as const

export interface Run {
  readonly task: (typeof forms)[number]
  /** What only builds and tests the system counts too. */
  readonly dev: boolean
  /** An image of this machine that is meant instead of the checkout. */
  readonly image?: string | undefined
}

export type Arguments =
  | Run
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

export const help =
  `Usage: npm run --silent sbom [-- cyclonedx | spdx | licences] [--dev] [--image IMAGE]

What the system is made of, by package-lock.json and compose/images.json; no registry is asked.

  cyclonedx      a bill of materials as CycloneDX 1.6 (JSON), which is also the default
  spdx           the same as SPDX 2.3 (JSON)
  licences       the licence of each package; fails when one is not among those that are allowed
  --dev          with the packages that only build and test it
  --image IMAGE  of an image that was built, such as unwind:dev: all packages of Debian and npm in
                 it, as its own records say (needs Docker)
  --help         show this

Exits with 0, with 1 when a licence is not allowed or an image cannot be read, and with 2 when it
does not understand.`

const options = {
  dev: { type: "boolean", default: false },
  image: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  const refuse = (what: string) => ({
    task: "refuse" as const,
    message: `${what.split(/\n|\. /)[0]}: see npm run sbom -- --help`,
  })
  try {
    const { values, positionals: [form = "cyclonedx", ...more] } = parseArgs({
      args: [...words],
      options,
      allowPositionals: true,
    })
    if (values.help) return { task: "help" }
    const task = forms.find((one) => one === form)
    if (task === undefined || more.length > 0) {
      return refuse(`There is ${forms.join(", ")}, and not ${JSON.stringify(more[0] ?? form)}`)
    }
    const { dev, image } = values
    if (image !== undefined && (dev || task === "licences")) {
      return refuse("--image goes with cyclonedx and spdx alone")
    }
    if (image !== undefined && !/^[a-z0-9]/i.test(image)) return refuse("--image names an image")
    return { task, dev, image }
  } catch (error) {
    return refuse((error as Error).message)
  }
}
