/** What may be chosen on top of the base: each takes out what it stands in for, and fits what stays. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { queueSettings } from "#shared/queue/layer.ts"
import { type Manifest, render } from "./kustomize.ts"
import {
  componentNames,
  ofKind,
  root,
  type Service,
  withComponents,
  type Workload,
  workloadsOf,
} from "./system.ts"

const rendered = (...components: ReadonlyArray<string>) => withComponents(components, render)

const names = (manifests: ReadonlyArray<Manifest>, ...kinds: ReadonlyArray<string>) =>
  ofKind<Manifest>(manifests, ...kinds).map(({ metadata }) => metadata.name)

const withDatabase = ["auth", "billing", "items", "orders", "slots"]

describe.each(componentNames)("the component %s", (name) => {
  it("leaves every service as it is, in the same namespace", () => {
    const manifests = rendered(name)
    expect(names(manifests, "Deployment")).toHaveLength(6)
    const elsewhere = manifests.filter(({ kind, metadata }) =>
      kind !== "Namespace" && metadata.namespace !== "unwind"
    )
    expect(elsewhere).toEqual([])
  })

  it("says what it is for", () => {
    const text = readFileSync(join(root, "k3d/components", name, "kustomization.yaml"), "utf8")
    expect(text).toMatch(/^# [A-Z]/)
  })
})

describe("keda", () => {
  const manifests = rendered("keda")

  it("alone decides on the number of orchestrators, and keeps two at least", () => {
    const [orchestrator] = ofKind<Workload>(manifests, "Deployment")
      .filter(({ metadata }) => metadata.name === "orchestrator")
    expect(orchestrator?.spec).not.toHaveProperty("replicas")
    expect(ofKind(manifests, "ScaledObject")).toMatchObject([
      { spec: { scaleTargetRef: { name: "orchestrator" }, minReplicaCount: 2 } },
    ])
  })

  it("looks at the stream and the consumer group that the services use", () => {
    expect(ofKind(manifests, "ScaledObject")).toMatchObject([{
      spec: {
        triggers: [{
          type: "redis-streams",
          metadata: {
            stream: queueSettings.QUEUE_STREAM.default,
            consumerGroup: queueSettings.QUEUE_GROUP.default,
          },
        }],
      },
    }])
  })
})

describe("cloudnativepg", () => {
  const manifests = rendered("cloudnativepg")

  it("takes the place of the StatefulSet behind the same Service", () => {
    expect(names(manifests, "StatefulSet")).toEqual(["redis"])
    const [postgres] = ofKind<Service>(manifests, "Service")
      .filter(({ metadata }) => metadata.name === "postgres")
    expect(postgres?.spec.selector).toEqual({
      "cnpg.io/cluster": "postgres",
      "cnpg.io/instanceRole": "primary",
    })
  })

  it("makes a database and a role for each service, with the passwords that are there", () => {
    expect(names(manifests, "Database").toSorted()).toEqual(withDatabase)
    expect(ofKind(manifests, "Cluster")).toMatchObject([{
      metadata: { name: "postgres" },
      spec: {
        instances: 3,
        managed: {
          roles: withDatabase.map((name) => ({
            name,
            login: true,
            passwordSecret: { name: `database-${name}` },
          })),
        },
      },
    }])
  })
})

describe("managed stores", () => {
  it("leave nothing behind of the stores that they stand in for", () => {
    for (const redis of ["managed-redis", "upstash"]) {
      const manifests = rendered(redis)
      expect(names(manifests, "StatefulSet", "Service", "ConfigMap")).not.toContain("redis")
      expect(names(manifests, "StatefulSet")).toEqual(["postgres"])
    }
    const manifests = rendered("managed-postgres")
    expect(names(manifests, "StatefulSet")).toEqual(["redis"])
    expect(names(manifests, "Service", "ConfigMap")).not.toContain("postgres")
    expect(workloadsOf(rendered("managed-postgres", "upstash"))).toHaveLength(6)
  })

  it("open the way out for those who use them", () => {
    const opened = (component: string) =>
      names(rendered(component), "NetworkPolicy").filter((name) => name.startsWith("to-"))
    expect(opened("managed-postgres")).toEqual(["to-managed-postgres"])
    expect(opened("managed-redis")).toEqual(["to-managed-redis"])
    expect(opened("upstash").toSorted()).toEqual(["to-managed-redis", "to-upstash"])
  })
})
