/** The command line of `npm run sbom`. */
import { Misused, syntax } from "#shared/command/syntax.ts"

/** The ways to tell what the system is made of. */
export const forms = ["cyclonedx", "spdx", "licences"] as const

export interface Run {
  readonly task: (typeof forms)[number]
  /** What only builds and tests the system counts too. */
  readonly dev: boolean
  /** An image of this machine that is meant instead of the checkout. */
  readonly image?: string | undefined
}

export const sbomSyntax = syntax({
  call: "npm run --silent sbom",
  usage: "[-- cyclonedx | spdx | licences] [--dev] [--image IMAGE]",
  about:
    `What the system is made of, by package-lock.json and compose/images.json; no registry is asked.

  cyclonedx  a bill of materials as CycloneDX 1.6 (JSON), which is also the default
  spdx       the same as SPDX 2.3 (JSON)
  licences   the licence of each package; fails when one is not among those that are allowed`,
  options: {
    dev: { type: "boolean", says: "with the packages that only build and test it" },
    image: {
      type: "string",
      value: "IMAGE",
      says: "of an image that was built, such as unwind:dev: all packages of Debian and npm in " +
        "it, as its own records say (needs Docker)",
    },
  },
  closing:
    `Exits with 0, with 1 when a licence is not allowed or an image cannot be read, and with 2 when it
does not understand.`,
  words: { least: 0, most: 1, what: "one form" },
  read: ({ dev = false, image }, [form = "cyclonedx"]): Run => {
    const task = forms.find((one) => one === form)
    if (task === undefined) {
      throw new Misused(`There is ${forms.join(", ")}, and not ${JSON.stringify(form)}`)
    }
    if (image !== undefined && (dev || task === "licences")) {
      throw new Misused("--image goes with cyclonedx and spdx alone")
    }
    if (image !== undefined && !/^[a-z0-9]/i.test(image)) {
      throw new Misused("--image names an image")
    }
    return { task, dev, image }
  },
})
