/**
 * Files that cannot read the roster are compared with it: when a service is added to the roster,
 * each file that must know it fails here, by its name, and says what it lacks.
 */
import { describe, expect, it } from "vitest"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { callees, callers, roster, type Row, serviceNames, startOrder } from "#shared/roster.ts"
import { heldOfComponents } from "./component-policies.ts"
import { heldOfCompose } from "./compose.ts"
import { type Held, isThere, namesOf, type Rows, textOf, urlOf } from "./held.ts"
import { heldOfKubernetes } from "./kubernetes.ts"

/** Every service has these folders. */
const folders = (rows: Rows): ReadonlyArray<Held> =>
  namesOf(rows).flatMap((name) =>
    ["main.ts", "service.ts", "README.md"].map((file) => `services/${name}/${file}`)
  ).map((file) => ({ file, wrong: isThere(file) ? [] : ["there is no such file"] }))

const settings = (rows: Rows): Held => {
  const file = ".env.example"
  const callees = new Set(Object.values(rows).flatMap(({ calls }) => calls))
  const wanted = [...callees].map((name) => `#${name.toUpperCase()}_URL=${urlOf(rows, name)}`)
  return {
    file,
    wrong: wanted.filter((line) => !textOf(file).includes(`\n${line}\n`))
      .map((line) => `there is no line ${line}`),
  }
}

const held = (rows: Rows) => [
  ...folders(rows),
  settings(rows),
  ...heldOfCompose(rows),
  ...heldOfKubernetes(rows),
  ...heldOfComponents(rows),
]

const wrongIn = (rows: Rows) =>
  new Map(
    held(rows).filter(({ wrong }) => wrong.length > 0).map(({ file, wrong }) => [file, wrong]),
  )

describe("the roster", () => {
  it.each(held(roster))(
    "agrees with $file",
    ({ file, wrong }) => expect(wrong, `${file} and shared/roster.ts`).toEqual([]),
  )

  it("has different ports, and only participants that the orchestrator calls", () => {
    const ports = Object.values<Row>(roster).flatMap(({ port, internalPort }) =>
      port === null ? [internalPort] : [port, internalPort]
    )
    expect(new Set(ports).size).toBe(ports.length)
    for (const name of participantNames) expect(serviceNames).toContain(name)
    const alone = serviceNames.filter((name) => ![...callers, ...callees].includes(name))
    const why = `nobody calls ${alone}: a participant has a row in shared/contracts/order-saga.ts`
    expect(alone, why).toEqual([])
    for (const { port, paths } of Object.values<Row>(roster)) {
      expect(port !== null).toBe(paths.length > 0)
    }
  })

  it("starts every service after those that it calls", () => {
    const order = startOrder.flat()
    expect(order.toSorted()).toEqual(serviceNames.toSorted())
    for (const name of serviceNames) {
      for (const callee of roster[name].calls) {
        expect(order.indexOf(callee), `${callee} of ${name}`).toBeLessThan(order.indexOf(name))
      }
    }
  })
})

describe("a service that is added to the roster", () => {
  it("is missed in every file that must know it: a participant", () => {
    const { orchestrator } = roster
    const strangers = { ...roster.slots, internalPort: 9099 }
    const calls = [...orchestrator.calls, "strangers"]
    const wrong = wrongIn({ ...roster, orchestrator: { ...orchestrator, calls }, strangers })
    expect([...wrong.keys()].toSorted()).toEqual([
      ".env.example",
      "compose.yaml",
      "compose/development.yaml",
      "k3d/base/postgres.yaml",
      "k3d/base/saga.yaml",
      "k3d/components/cloudnativepg/cluster.yaml",
      "services/strangers/README.md",
      "services/strangers/main.ts",
      "services/strangers/service.ts",
    ])
    expect(wrong.get("k3d/base/saga.yaml")).toEqual(expect.arrayContaining([
      "there is no Deployment strangers",
      "the NetworkPolicy strangers lacks orchestrator at port 9099",
      "the NetworkPolicy to-strangers lacks orchestrator at port 9099",
    ]))
    for (const [file, lines] of wrong) {
      if (file.includes("strangers")) continue
      for (const line of lines) expect(`${file}: ${line}`).toMatch(/strangers/i)
    }
  })

  it("is missed in every file that must know it: one with public paths", () => {
    const refunds = {
      ...roster.billing,
      port: 8099,
      internalPort: 9099,
      paths: ["/api/refunds/*"],
    }
    const wrong = wrongIn({ ...roster, refunds })
    expect(wrong.get("compose/gateway/nginx.conf")).toEqual([
      "the map of paths lacks ~^/api/refunds(/|$) refunds",
      "upstreams lacks refunds:8099",
    ])
    expect(wrong.get("k3d/base/ingress.yaml")).toEqual(["paths lacks /api/refunds/* to refunds"])
    expect(wrong.get("k3d/base/kustomization.yaml")).toEqual(["resources lacks refunds.yaml"])
    expect(wrong.get("k3d/base/refunds.yaml")).toContain("there is no Deployment refunds")
  })
})
