/**
 * People set the system up by .env.example, so it is compared with the settings that the services
 * read.
 */
import { describe, expect, it } from "vitest"
import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { serviceNamed } from "#compose/embedded/services.ts"
import { embeddedSettings } from "#compose/embedded/settings.ts"
import { gatewaySettings } from "#compose/secrets/gateway-settings.ts"
import { unwindSettings } from "#services/console/cli/settings.ts"
import { serviceNames } from "#shared/roster.ts"
import { commonSettings } from "#shared/service/service.ts"
import type { Setting } from "#shared/config/settings.ts"

const documented = new Map(
  [
    ...readFileSync(new URL("../.env.example", import.meta.url), "utf8").matchAll(
      /^#([A-Z_]+)=(.*)$/gm,
    ),
  ]
    .map(([, name = "", value = ""]) => [name, value]),
)

const services = await Effect.runPromise(Effect.forEach(serviceNames, serviceNamed))
const read = new Map<string, Setting<unknown>>(
  [
    embeddedSettings,
    commonSettings({ port: 8080, internalPort: 9080 }),
    gatewaySettings,
    unwindSettings,
    ...services.map(({ settings }) => settings),
  ]
    .flatMap((settings) => Object.entries(settings)),
)

describe(".env.example", () => {
  it("documents every setting that a service or the command line reads, and no other", () => {
    expect([...documented.keys()].sort()).toEqual([...read.keys()].sort())
  })

  it("shows the default of every setting that has one", () => {
    const defaults = [...read].map(([name, setting]) => [name, setting.default ?? ""])
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(defaults))
  })
})
