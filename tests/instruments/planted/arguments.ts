/** The command line of the planted bugs. */
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { absorbed, bugs } from "./bugs.ts"

export const plantedSyntax = syntax({
  call: "npm run test:planted",
  usage: "[-- --only NAME] [--markdown]",
  about:
    `Tests the simulation: plants one bug after another into a copy of the sources, and lets the copy
simulate the seeds 1 to 2000. Each bug must show as a violation of an invariant that it breaks; the
unchanged sources must show none. Exits with 0 if so, with 1 if not or if a bug no longer fits the
sources, and with 2 if an option is wrong.`,
  options: {
    only: {
      type: "string",
      value: "NAME",
      says: "plants only this bug; tests/instruments/planted/README.md has the names",
    },
    markdown: {
      type: "boolean",
      says: "prints the tables of tests/instruments/planted/README.md",
    },
  },
  closing: "",
  read: ({ only, markdown = false }) => {
    if (only !== undefined && ![...bugs, ...absorbed].some(({ name }) => name === only)) {
      throw new Misused(`There is no planted bug ${JSON.stringify(only)}`)
    }
    return { only, markdown }
  },
})
