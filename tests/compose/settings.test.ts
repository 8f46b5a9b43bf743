/** compose.yaml hands on what may be set from outside, so it is held to the settings that the services really read. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { auth } from "#services/auth/service.ts"
import { billing } from "#services/billing/service.ts"
import { items } from "#services/items/service.ts"
import { orchestrator } from "#services/orchestrator/service.ts"
import { orders } from "#services/orders/service.ts"
import { slots } from "#services/slots/service.ts"
import { commonSettings } from "#shared/service/service.ts"
import type { Setting } from "#shared/config/settings.ts"

const compose = readFileSync(new URL("../../compose.yaml", import.meta.url), "utf8")
const services = [auth, billing, items, orchestrator, orders, slots]

const handedOn = [...compose.matchAll(/^ {2}([A-Z_]+): \$\{([A-Z_]+):-\}$/gm)]

/** Where the parts are and who they are: that is for compose.yaml to say. */
const decidedByCompose = ["PORT", "HOST", "RATE_LIMIT_URL", "TRUST_PROXY", "CONSUMER_NAME"]
/** No service has a way out to a collector. */
const notPossible = ["OTEL_EXPORTER_OTLP_ENDPOINT", "QUEUE_TOKEN"]

describe("compose.yaml", () => {
  it("hands on every setting that need not be given, under its own name", () => {
    const read = [commonSettings(8080), ...services.map(({ settings }) => settings)]
      .flatMap((settings) => Object.entries(settings as Record<string, Setting<unknown>>))
    const needNotBeGiven = read
      .filter(([, { default: value, optional }]) => value !== undefined || optional)
      .map(([name]) => name)
      .filter((name) => ![...decidedByCompose, ...notPossible].includes(name))
    expect(handedOn.map(([, name]) => name).sort()).toEqual([...new Set(needNotBeGiven)].sort())
    expect(handedOn.filter(([, name, from]) => name !== from)).toEqual([])
  })

  it("gives every service its own port, and reaches it there", () => {
    for (const { name, port } of services) {
      const section = compose.split(/\n(?= {2}\w+:\n)/).find((text) =>
        text.startsWith(`  ${name}:\n`)
      )
      expect(section).toContain(`command: services/${name}/main.ts`)
      expect(section).toContain(`PORT: ${port}\n`)
    }
    const addresses = [...compose.matchAll(/http:\/\/(\w+):(\d+)/g)]
      .filter(([, name]) => services.some((service) => service.name === name))
    expect(addresses.length).toBeGreaterThan(6)
    for (const [, name, port] of addresses) {
      expect([name, port]).toEqual([name, `${services.find((s) => s.name === name)?.port}`])
    }
  })

  it("opens ports on this machine only, and names the version of every image", () => {
    const ports = [...compose.matchAll(/ports: (.*)/g)].map(([, value]) => value)
    expect(ports).toEqual(['["127.0.0.1:${GATEWAY_PORT:-8080}:8080"]'])
    const images = [...compose.matchAll(/image: (\S+)/g)].map(([, value]) => value)
    expect(images.filter((image) => !/:[\w.]/.test(image!) || /latest/.test(image!))).toEqual([])
  })
})
