/**
 * compose.yaml passes on the settings of its environment, so they are compared with the settings
 * that the services read.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { Effect } from "effect"
import { parse } from "effect/encoding/Yaml"
import { serviceNamed } from "#compose/embedded/services.ts"
import { gatewaySettings } from "#compose/secrets/gateway-settings.ts"
import { addressName } from "#shared/config/addresses.ts"
import { callees, roster, serviceNames } from "#shared/roster.ts"
import { commonSettings } from "#shared/service/service.ts"
import { graceSeconds } from "../k3d/system.ts"

const compose = readFileSync(new URL("../../compose.yaml", import.meta.url), "utf8")
const overridden = readFileSync(new URL("../../compose/tls.yaml", import.meta.url), "utf8")
const dockerfile = readFileSync(new URL("../../compose/Dockerfile", import.meta.url), "utf8")
const services = await Effect.runPromise(Effect.forEach(serviceNames, serviceNamed))

const handedOn = [...compose.matchAll(/^ {2}([A-Z_]+): \$\{([A-Z_]+):-\}$/gm)]

/** compose.yaml itself decides where the parts are and what their names are. */
const decidedByCompose = [
  ...["PORT", "HOST", "INTERNAL_PORT", "INTERNAL_HOST"],
  ...["RATE_LIMIT_URL", "TRUST_PROXY", "CONSUMER_NAME"],
  ...callees.map(addressName),
]
/** Secrets come in files. */
const notPossible = ["QUEUE_TOKEN"]

describe("compose.yaml", () => {
  it("passes on every optional setting, under its own name", () => {
    const read = [
      commonSettings({ port: 8080, internalPort: 9080 }),
      ...services.map(({ settings }) => settings),
    ]
      .flatMap((settings) => Object.entries(settings))
    const needNotBeGiven = read
      .filter(([, { default: value, optional }]) => value !== undefined || optional)
      .map(([name]) => name)
      .filter((name) => ![...decidedByCompose, ...notPossible].includes(name))
    expect(handedOn.map(([, name]) => name).sort()).toEqual([...new Set(needNotBeGiven)].sort())
    expect(handedOn.filter(([, name, from]) => name !== from)).toEqual([])
  })

  it("reaches every service at its internal port", () => {
    const addresses = [...compose.matchAll(/http:\/\/(\w+):(\d+)/g)]
      .flatMap(([, name, port]) =>
        serviceNames.filter((one) => one === name).map((one) => [one, port] as const)
      )
    expect(addresses.length).toBeGreaterThan(5)
    expect(addresses.filter(([name, port]) => `${roster[name].internalPort}` !== port)).toEqual([])
  })

  it("mounts each volume of secrets where the image has a folder for it", () => {
    const [, words] = /for name in (.*); do/.exec(dockerfile) ?? []
    const root = new URL("../..", import.meta.url)
    const made = execFileSync("bash", ["-c", `printf '%s\n' ${words}`], {
      cwd: root,
      encoding: "utf8",
    })
    const mounted = [...compose.matchAll(/secrets:\/secrets\/(\w+)$/gm)].map(([, name]) => name)
    expect(made.trim().split("\n").toSorted()).toEqual(mounted.toSorted())
  })

  it("builds whatever has a build at every start, so that no change is ignored silently", () => {
    const { services } = parse(compose) as {
      services: Record<string, { image: string; build?: object; pull_policy: string }>
    }
    const built = Object.values(services).filter(({ build }) => build !== undefined)
    expect(built.length).toBeGreaterThan(3)
    for (const { image, pull_policy } of built) {
      expect([image, pull_policy]).toEqual([image, "build"])
    }
    const images = new Set(built.map(({ image }) => image))
    expect(Object.values(services).filter(({ image }) => !images.has(image))).toEqual([])
    // Compose does not notice changes of files that are mounted.
    expect(compose).not.toMatch(/^ +- \.\/|\["\.\//m)
  })

  it("gives every container as much time to stop as its process takes", () => {
    const { services } = parse(compose) as {
      services: Record<string, { stop_grace_period: string }>
    }
    const seconds = Object.values(services).map(({ stop_grace_period }) =>
      Number(/^(\d+)s$/.exec(stop_grace_period)?.[1])
    )
    expect(graceSeconds).toBeGreaterThan(0)
    for (const given of seconds) expect(given).toBeGreaterThan(graceSeconds)
  })

  it("removes the front of Upstash at a start without it, however it was started before", () => {
    // Compose considers services of a profile only while the profile is named.
    const { services } = parse(compose) as { services: Record<string, { profiles?: object }> }
    const inProfiles = Object.entries(services).filter(([, { profiles }]) => profiles !== undefined)
    expect(inProfiles.map(([name]) => name)).toEqual(["observability"])
    const env = readFileSync(new URL("../../compose/upstash.env", import.meta.url), "utf8")
    expect(compose).toContain("scale: ${UPSTASH_REPLICAS:-0}")
    expect(env).toMatch(/^UPSTASH_REPLICAS=1$/m)
  })

  it("lets operators break it only by two settings, which are in one file", () => {
    expect(dockerfile).toMatch(/^ENV NODE_ENV=production$/m)
    expect(compose).toContain("NODE_ENV: ${NODE_ENV:-production}")
    const env = readFileSync(new URL("../../compose/faults.env", import.meta.url), "utf8")
    expect(env).toMatch(/^FAULTS=1\nNODE_ENV=development$/m)
  })

  it("removes what TLS needed at a start without it, however it was started before", () => {
    const tls = parse(overridden) as { services: object; volumes?: object }
    expect(Object.keys(tls.services)).toEqual(["gateway"])
    expect(tls.volumes).toBeUndefined()
  })

  it("gives the gateway the defaults that its settings are checked with", () => {
    const handed = [...compose.matchAll(/^ {2}(GATEWAY_[A-Z_]+): \$\{([A-Z_]+):-(\d+)\}$/gm)]
    expect(handed.map(([, name, from, value]) => [name, from, value])).toEqual(
      Object.entries(gatewaySettings).map(([name, setting]) => [name, name, setting.default]),
    )
  })

  it("opens ports on this machine only, and names the version of every image", () => {
    const ports = [...`${compose}${overridden}`.matchAll(/ports: (.*)/g)].map(([, value]) => value)
    expect(ports).toEqual([
      '["127.0.0.1:${GATEWAY_PORT:-8080}:8080"]',
      '["127.0.0.1:${GRAFANA_PORT:-3000}:3000"]',
      '["127.0.0.1:${GATEWAY_TLS_PORT:-8443}:8443"]',
    ])
    const images = [
      ...[...compose.matchAll(/image: (\S+)/g)].map(([, value]) => value),
      ...[...dockerfile.matchAll(/^FROM ([^$\s]+:\S+|\w+\/\S+)/gm)].map(([, value]) => value),
    ]
    expect(images.length).toBeGreaterThan(8)
    expect(images.filter((image) => !/:[\w.]/.test(image!) || /latest/.test(image!))).toEqual([])
  })
})
