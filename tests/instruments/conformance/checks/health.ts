/** Health probes, without a token. */
import { excerpt } from "../answers.ts"
import { Broken, type Check } from "../check.ts"

const health = (name: string, tries: string, says: string): Check => ({
  name,
  at: "health",
  tries,
  says,
  run: async (kit) => {
    const { status, text } = await kit.ask({ method: "GET", path: `/${name}`, token: null })
    if (status === 200) return "200"
    throw new Broken(`GET /${name} was answered ${status}: ${excerpt(text)}`)
  },
})

export const healthChecks: ReadonlyArray<Check> = [
  health("livez", "GET /livez without a token", "200 as long as the process runs."),
  health(
    "readyz",
    "GET /readyz without a token",
    "200 when it can take requests, that is, when its database answers.",
  ),
]
