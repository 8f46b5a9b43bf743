/** The command line of the planted bugs. */
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { absorbed, bugs } from "./bugs.ts"

export const plantedSyntax = syntax({
  call: "npm run test:planted",
  usage: "[-- --only NAME] [--markdown]",
  about:
    `Tests the simulation: plants one bug after the other into a copy of the sources and lets the copy
simulate the seeds 1 to 2000. Each has to show as a violation of an invariant that the bug breaks,
and the sources as they are must show none. Exits with 0 when that is so, with 1 when not or when a
bug does not fit the sources any more, and with 2 when an option is wrong.`,
  options: {
    only: {
      type: "string",
      value: "NAME",
      says: "plants this one: see tests/instruments/planted/README.md for the names",
    },
    markdown: {
      type: "boolean",
      says: "prints the tables that stand in tests/instruments/planted/README.md",
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
