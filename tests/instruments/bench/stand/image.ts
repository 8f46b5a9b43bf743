/** How the services' image starts a runtime: the bench measures what is deployed. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Runtime } from "#tests/support/separate-services.ts"

const dockerfile = join(import.meta.dirname, "../../../../compose/Dockerfile")

/** The environment variables that the image sets for the runtime. */
export const imageEnvironment = (runtime: Runtime): Readonly<Record<string, string>> => {
  const stage = readFileSync(dockerfile, "utf8").split(/^FROM /m)
    .find((stage) => stage.split("\n", 1)[0]!.endsWith(` AS on-${runtime}`))
  const lines = stage?.match(/^ENV .*$/gm) ?? []
  if (lines.length === 0) throw new Error(`compose/Dockerfile sets nothing for ${runtime}`)
  const pairs = lines.flatMap((line) => line.split(" ").slice(1))
  return Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
}
