/** The components on top of the base: each removes what it replaces, and fits the rest. */
import { parse } from "effect/encoding/Yaml"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { queueSettings } from "#shared/queue/layer.ts"
import { serviceNames, withCounters, withDatabase, withQueue } from "#shared/roster.ts"
import type { Ingress } from "./ingress.ts"
import { type Manifest, render } from "./kustomize.ts"
import {
  base,
  componentNames,
  containerOf,
  ofKind,
  root,
  type Selector,
  selects,
  type Service,
  withComponents,
  type Workload,
  workloadsOf,
} from "./system.ts"

const rendered = (...components: ReadonlyArray<string>) => withComponents(components, render)

const names = (manifests: ReadonlyArray<Manifest>, ...kinds: ReadonlyArray<string>) =>
  ofKind<Manifest>(manifests, ...kinds).map(({ metadata }) => metadata.name)

/** The names of the ConfigMaps, without the hashes of their content. */
const configured = (manifests: ReadonlyArray<Manifest>) =>
  names(manifests, "ConfigMap").map((name) => name.replace(/-\w{10}$/, ""))

interface Policy extends Manifest {
  readonly spec: { readonly podSelector: Selector }
}

/** Sorted, like the found ones. */
const owners = withDatabase.toSorted()
const usersOfRedis = [...withQueue, ...withCounters].toSorted()

describe.each(componentNames)("the component %s", (name) => {
  it("leaves every service unchanged, in the same namespace", () => {
    const manifests = rendered(name)
    expect(names(manifests, "Deployment")).toHaveLength(serviceNames.length)
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

  it("alone decides on the number of orchestrators, with at least two", () => {
    const [orchestrator] = ofKind<Workload>(manifests, "Deployment")
      .filter(({ metadata }) => metadata.name === "orchestrator")
    expect(orchestrator?.spec).not.toHaveProperty("replicas")
    expect(ofKind(manifests, "ScaledObject")).toMatchObject([
      { spec: { scaleTargetRef: { name: "orchestrator" }, minReplicaCount: 2 } },
    ])
  })

  it("watches the stream and the consumer group that the services use", () => {
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

describe("observability", () => {
  const manifests = rendered("observability")

  it("scrapes the pods of every service at their port", () => {
    expect(ofKind(manifests, "PodMonitor")).toMatchObject([{
      spec: {
        selector: { matchLabels: { "app.kubernetes.io/component": "service" } },
        podMetricsEndpoints: [{ port: "internal", path: "/metrics" }],
      },
    }])
  })

  it("has the alerts of Compose", () => {
    const alerts = parse(readFileSync(join(root, "compose/observability/alerts.yaml"), "utf8"))
    expect(
      ofKind(manifests, "PrometheusRule").map((rule) =>
        (rule as Manifest & { spec: unknown }).spec
      ),
    )
      .toEqual([alerts])
  })

  it("gives every service the one setting that turns on sending", () => {
    const endpoints = workloadsOf(manifests)
      .flatMap((workload) => containerOf(workload).env ?? [])
      .filter(({ name }) => name === "OTEL_EXPORTER_OTLP_ENDPOINT")
    expect(endpoints.map(({ value }) => value))
      .toEqual(serviceNames.map(() => "http://otel-collector.monitoring:4318"))
  })
})

describe("tls", () => {
  const manifests = rendered("tls")
  const ingresses = ofKind<Ingress>(manifests, "Ingress")
  const annotated = (name: string) => {
    const found = ingresses.find(({ metadata }) => metadata.name === name)
    const { annotations = {} } = found?.metadata as {
      readonly annotations?: Readonly<Record<string, string>>
    }
    const of = (what: string) => annotations[`traefik.ingress.kubernetes.io/router.${what}`]
    return [of("entrypoints"), of("middlewares")]
  }

  it("answers all public paths over TLS only, and demands TLS from then on", () => {
    const [open] = ofKind<Ingress>(base, "Ingress")
    expect(ingresses.find(({ metadata }) => metadata.name === "public")?.spec).toEqual({
      ...open!.spec,
      tls: [{ secretName: "certificate" }],
    })
    expect(annotated("public")).toEqual(["websecure", "unwind-transport-security@kubernetescrd"])
  })

  it("redirects every request from plain HTTP to TLS", () => {
    expect(annotated("plain-http")).toEqual(["web", "unwind-to-tls@kubernetescrd"])
    expect(ofKind(manifests, "Middleware")).toMatchObject([
      { metadata: { name: "to-tls" }, spec: { redirectScheme: { scheme: "https" } } },
      { metadata: { name: "transport-security" }, spec: { headers: { stsSeconds: 31_536_000 } } },
    ])
    expect(names(manifests, "Ingress").toSorted()).toEqual(["plain-http", "public"])
  })
})

describe("cloudnativepg", () => {
  const manifests = rendered("cloudnativepg")

  it("replaces the StatefulSet behind the same Service", () => {
    expect(names(manifests, "StatefulSet")).toEqual(["redis"])
    const [postgres] = ofKind<Service>(manifests, "Service")
      .filter(({ metadata }) => metadata.name === "postgres")
    expect(postgres?.spec.selector).toEqual({
      "cnpg.io/cluster": "postgres",
      "cnpg.io/instanceRole": "primary",
    })
  })

  it("makes a database and a role for each service, with the existing passwords", () => {
    expect(names(manifests, "Database").toSorted()).toEqual(owners)
    expect(ofKind(manifests, "Cluster")).toMatchObject([{
      metadata: { name: "postgres" },
      spec: {
        instances: 3,
        managed: {
          roles: expect.arrayContaining(owners.map((name) => ({
            name,
            login: true,
            passwordSecret: { name: `database-${name}` },
          }))),
        },
      },
    }])
  })
})

describe("managed stores", () => {
  it("leave nothing of the stores that they replace", () => {
    for (const redis of ["managed-redis", "upstash"]) {
      const manifests = rendered(redis)
      expect(names(manifests, "StatefulSet", "Service")).not.toContain("redis")
      expect(configured(manifests)).toEqual(["databases"])
      expect(names(manifests, "StatefulSet")).toEqual(["postgres"])
    }
    const manifests = rendered("managed-postgres")
    expect(names(manifests, "StatefulSet")).toEqual(["redis"])
    expect(names(manifests, "Service")).not.toContain("postgres")
    expect(configured(manifests)).toEqual(["redis"])
    expect(configured(rendered("cloudnativepg"))).toEqual(["redis"])
    expect(workloadsOf(rendered("managed-postgres", "upstash")))
      .toHaveLength(serviceNames.length)
  })

  it.each<[component: string, policies: Readonly<Record<string, ReadonlyArray<string>>>]>([
    ["managed-postgres", { "to-managed-postgres": owners }],
    ["cloudnativepg", { "to-cloudnativepg": owners, cloudnativepg: [] }],
    ["managed-redis", { "to-managed-redis": usersOfRedis }],
    ["upstash", { "to-managed-redis": usersOfRedis, "to-upstash": withQueue.toSorted() }],
  ])("open the way out for their users, and close the way to the store: %s", (
    component,
    policies,
  ) => {
    const manifests = rendered(component)
    const before = names(base, "NetworkPolicy")
    const added = ofKind<Policy>(manifests, "NetworkPolicy")
      .filter(({ metadata }) => !before.includes(metadata.name))
    const selected = added.map(({ metadata, spec }) => [
      metadata.name,
      workloadsOf(manifests)
        .filter((workload) => selects(spec.podSelector, workload.spec.template.metadata.labels))
        .map((workload) => workload.metadata.name).toSorted(),
    ])
    expect(Object.fromEntries(selected)).toEqual(policies)
    const gone = before.filter((name) => !names(manifests, "NetworkPolicy").includes(name))
    const store = component.includes("postgres") || component === "cloudnativepg"
      ? "postgres"
      : "redis"
    expect(gone.toSorted()).toEqual([store, `to-${store}`])
  })
})
