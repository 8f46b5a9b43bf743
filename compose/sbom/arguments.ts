/** The command line of `npm run sbom`. */
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"

/** The output formats. */
export const forms = ["cyclonedx", "spdx", "licences"] as const

export interface Run {
  readonly task: (typeof forms)[number]
  /** Includes packages that only build and test the system. */
  readonly dev: boolean
  /** A local image, to use instead of the checkout. */
  readonly image?: string | undefined
}

export const sbomSyntax = syntax({
  call: "npm run --silent sbom",
  usage: "[-- cyclonedx | spdx | licences] [--dev] [--image IMAGE]",
  about:
    `What the system is made of, by package-lock.json and compose/images.json, without a registry.

  cyclonedx  a bill of materials as CycloneDX 1.6 (JSON), the default
  spdx       the same as SPDX 2.3 (JSON)
  licences   the licence of each package; fails when one is not allowed`,
  options: {
    dev: { type: "boolean", says: "also the packages that only build and test it" },
    image: {
      type: "string",
      value: "IMAGE",
      says: "for a built image, such as unwind:dev: all its packages of Debian and npm, " +
        "by its own records (needs Docker)",
    },
  },
  closing:
    `Exits with 0, with 1 when a licence is not allowed or an image cannot be read, and with 2 for a
wrong command line.`,
  words: { least: 0, most: 1, what: "one form" },
  read: ({ dev = false, image }, [form = "cyclonedx"]): Run => {
    const task = forms.find((one) => one === form)
    if (task === undefined) {
      throw new Misused(`There is no ${JSON.stringify(form)}: use ${forms.join(", ")}`)
    }
    if (image !== undefined && (dev || task === "licences")) {
      throw new Misused("--image goes only with cyclonedx and spdx, without --dev")
    }
    if (image !== undefined && !/^[a-z0-9]/i.test(image)) {
      throw new Misused("--image names an image")
    }
    return { task, dev, image }
  },
})
