/** The rules for every pod: how it runs, how it is probed, and how it is replaced. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { serviceNames } from "#shared/roster.ts"
import { makeSecrets } from "../../k3d/secrets.ts"
import type { Manifest } from "./kustomize.ts"
import {
  amount,
  base,
  containerOf,
  dev,
  graceSeconds,
  ofKind,
  root,
  type Selector,
  selects,
  type Service,
  stopSeconds,
  type Workload,
  workloadsOf,
} from "./system.ts"

interface Budget extends Manifest {
  readonly spec: { readonly maxUnavailable: number; readonly selector: Selector }
}

const services: ReadonlyArray<string> = serviceNames
const stores = ["postgres", "redis"]

const labelsOf = (workload: Workload) => workload.spec.template.metadata.labels
const podOf = (workload: Workload) => workload.spec.template.spec
const nameOf = ({ metadata }: Manifest) => metadata.name
const isService = (workload: Workload) => services.includes(nameOf(workload))

/** The pause before a pod is told to stop. */
const preStopSeconds = (workload: Workload) =>
  containerOf(workload).lifecycle?.preStop.sleep.seconds ?? 0

it("runs all services and both stores, and nothing else", () => {
  expect(workloadsOf(base).map(nameOf).sort()).toEqual([...services, ...stores].sort())
  expect(workloadsOf(base).every(({ metadata }) => metadata.namespace === "unwind")).toBe(true)
})

it("accepts only restricted pods in the namespace", () => {
  const [namespace] = ofKind<Manifest>(base, "Namespace")
  expect(namespace?.metadata).toMatchObject({
    name: "unwind",
    labels: { "pod-security.kubernetes.io/enforce": "restricted" },
  })
})

describe.each(workloadsOf(dev).map((workload) => [nameOf(workload), workload] as const))(
  "the pod of %s",
  (name, workload) => {
    const container = containerOf(workload)
    const pod = podOf(workload)

    it("is not root, has no capabilities, and can write to volumes only", () => {
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: isService(workload) ? 1000 : 999,
        seccompProfile: { type: "RuntimeDefault" },
      })
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      })
    })

    it("has no token of the cluster, and no variables of other Services", () => {
      expect(pod.automountServiceAccountToken).toBe(false)
      expect(pod.enableServiceLinks).toBe(false)
    })

    it("runs an image of a fixed version, which is pulled only if it is missing", () => {
      expect(container.image).toMatch(/^[\w./-]+:[\w.-]+(@sha256:[0-9a-f]{64})?$/)
      expect(container.image).not.toMatch(/:latest$/)
      expect(container.imagePullPolicy).toBe("IfNotPresent")
    })

    it("requests processor and memory, and has limits for both", () => {
      const { requests, limits } = container.resources
      expect(Object.keys(requests).sort()).toEqual(["cpu", "memory"])
      expect(Object.keys(limits).sort()).toEqual(["cpu", "memory"])
      for (const [what, least] of Object.entries(requests)) {
        expect(amount(least)).toBeGreaterThan(0)
        expect(amount(limits[what] ?? "")).toBeGreaterThanOrEqual(amount(least))
      }
    })

    it("is probed from its start on, and has time to start", () => {
      const { startupProbe, livenessProbe, readinessProbe } = container
      for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
        expect(probe.timeoutSeconds).toBeGreaterThanOrEqual(3)
        expect(probe.periodSeconds).toBeGreaterThan(0)
      }
      // A service waits for its database for up to a minute.
      expect(startupProbe.periodSeconds * startupProbe.failureThreshold).toBeGreaterThan(60)
      expect(livenessProbe.periodSeconds * livenessProbe.failureThreshold)
        .toBeGreaterThan(readinessProbe.periodSeconds * readinessProbe.failureThreshold)
      if (!isService(workload)) return
      expect(startupProbe.httpGet).toEqual({ path: "/livez", port: "internal" })
      expect(livenessProbe.httpGet).toEqual({ path: "/livez", port: "internal" })
      expect(readinessProbe.httpGet).toEqual({ path: "/readyz", port: "internal" })
    })

    it("has enough time to stop", () => {
      const stops = isService(workload) ? stopSeconds : graceSeconds
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(preStopSeconds(workload) + stops)
    })

    it("is spread over the nodes", () => {
      expect(pod.topologySpreadConstraints).toHaveLength(1)
      const [constraint] = pod.topologySpreadConstraints
      expect(constraint).toMatchObject({ maxSkew: 1, topologyKey: "kubernetes.io/hostname" })
      expect(selects(constraint?.labelSelector ?? {}, labelsOf(workload))).toBe(true)
    })

    it("mounts only existing volumes, each once", async () => {
      const secrets = new Map(
        (await makeSecrets()).map(({ metadata, stringData }) => [metadata.name, stringData]),
      )
      const configMaps = ofKind<Manifest>(dev, "ConfigMap").map(nameOf)
      for (const { emptyDir, configMap, secret, projected } of pod.volumes) {
        if (emptyDir) expect(emptyDir.sizeLimit).toMatch(/^\d+Mi$/)
        if (configMap) expect(configMaps).toContain(configMap.name)
        const mounted = projected?.sources.map((source) => source.secret) ??
          (secret ? [secret] : [])
        for (const { name = "", secretName = name, items } of mounted) {
          const keys = Object.keys(secrets.get(secretName) ?? {})
          for (const { key } of items) expect(keys, secretName).toContain(key)
        }
      }
      const claimed = workload.spec.volumeClaimTemplates === undefined ? [] : ["data"]
      const volumes = [...pod.volumes.map((volume) => volume.name), ...claimed]
      expect(container.volumeMounts.map((mount) => mount.name).sort()).toEqual(volumes.sort())
    })

    it("matches its own selectors, and nothing else does", () => {
      const own = [
        workload.spec.selector,
        ...ofKind<Service>(dev, "Service").filter((service) => nameOf(service) === name)
          .map(({ spec }) => ({ matchLabels: spec.selector })),
        ...ofKind<Budget>(dev, "PodDisruptionBudget").filter((budget) => nameOf(budget) === name)
          .map(({ spec }) => spec.selector),
      ]
      expect(own.length).toBeGreaterThanOrEqual(2)
      for (const selector of own) {
        const meant = workloadsOf(dev).filter((other) => selects(selector, labelsOf(other)))
        expect(meant.map(nameOf)).toEqual([name])
      }
    })
  },
)

describe("a service", () => {
  const deployments = workloadsOf(base).filter(isService)

  it("has two replicas, at most one of which is evicted at a time", () => {
    const budgets = ofKind<Budget>(base, "PodDisruptionBudget")
    for (const deployment of deployments) {
      expect(deployment.spec.replicas).toBe(2)
      const [budget, ...others] = budgets.filter(({ spec }) =>
        selects(spec.selector, labelsOf(deployment))
      )
      expect(others).toEqual([])
      expect(budget?.spec.maxUnavailable).toBe(1)
    }
  })

  it("has as much time to stop as in Compose", () => {
    const compose = readFileSync(join(root, "compose.yaml"), "utf8")
    const [, service = ""] = /^x-service: &service\n((?: .*\n)+)/m.exec(compose) ?? []
    const [, seconds] = /stop_grace_period: (\d+)s/.exec(service) ?? []
    expect(Number(seconds)).toBeGreaterThan(stopSeconds)
  })

  it("is replaced one by one, the new pod before the old one", () => {
    for (const { spec } of deployments) {
      expect(spec.strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 })
    }
  })
})

describe("Redis", () => {
  it("requests the memory that its settings let it fill", () => {
    const conf = readFileSync(join(root, "k3d/base/redis.conf"), "utf8")
    const maxmemory = Number(/^maxmemory (\d+)mb$/m.exec(conf)?.[1]) * 2 ** 20
    const [redis] = workloadsOf(base).filter((workload) => nameOf(workload) === "redis")
    const { requests, limits } = containerOf(redis!).resources
    expect(amount(requests["memory"] ?? "")).toBeGreaterThan(maxmemory)
    // A rewrite of its file copies the changes made meanwhile.
    expect(amount(limits["memory"] ?? "")).toBeGreaterThanOrEqual(1.5 * maxmemory)
  })
})

describe("a store", () => {
  const statefulSets = workloadsOf(base).filter((workload) => !isService(workload))

  it("keeps its data when its pod is deleted", () => {
    for (const { kind, spec } of statefulSets) {
      expect(kind).toBe("StatefulSet")
      expect(spec.volumeClaimTemplates).toMatchObject([{ metadata: { name: "data" } }])
    }
  })

  it("outlives the services that are stopped together with it", () => {
    const longest = Math.max(
      ...workloadsOf(base).filter(isService)
        .map((service) => preStopSeconds(service) + stopSeconds),
    )
    for (const store of statefulSets) {
      expect(preStopSeconds(store)).toBeGreaterThanOrEqual(longest)
    }
  })
})
