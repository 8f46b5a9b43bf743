/**
 * The manifests as the tests read them: rendered once, and with types for the parts that rules are
 * about.
 */
import { Duration } from "effect"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { processSettings } from "#shared/service/service.ts"
import { type Manifest, render } from "./kustomize.ts"

export const root = join(import.meta.dirname, "../..")

export const componentNames = readdirSync(join(root, "k3d/components")).toSorted()

type Labels = Readonly<Record<string, string>>

export interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: ReadonlyArray<
    { readonly key: string; readonly operator: "In"; readonly values: ReadonlyArray<string> }
  >
}

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string }
  readonly exec?: { readonly command: ReadonlyArray<string> }
  readonly periodSeconds: number
  readonly timeoutSeconds: number
  readonly failureThreshold: number
}

interface Items {
  readonly name?: string
  readonly secretName?: string
  readonly items: ReadonlyArray<{ readonly key: string; readonly path: string }>
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly imagePullPolicy: string
  readonly args: ReadonlyArray<string>
  readonly ports: ReadonlyArray<{ readonly name: string; readonly containerPort: number }>
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value: string }>
  readonly securityContext: object
  readonly startupProbe: Probe
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly resources: { readonly requests: Labels; readonly limits: Labels }
  readonly volumeMounts: ReadonlyArray<{ readonly name: string; readonly mountPath: string }>
}

export interface Workload extends Manifest {
  readonly kind: "Deployment" | "StatefulSet"
  readonly spec: {
    readonly replicas?: number
    readonly selector: Selector
    readonly strategy?: { readonly rollingUpdate: object }
    readonly volumeClaimTemplates?: ReadonlyArray<object>
    readonly template: {
      readonly metadata: { readonly labels: Labels }
      readonly spec: {
        readonly automountServiceAccountToken: boolean
        readonly enableServiceLinks: boolean
        readonly securityContext: object
        readonly terminationGracePeriodSeconds: number
        readonly topologySpreadConstraints: ReadonlyArray<{ readonly labelSelector: Selector }>
        readonly containers: ReadonlyArray<Container>
        readonly volumes: ReadonlyArray<{
          readonly name: string
          readonly emptyDir?: { readonly sizeLimit: string }
          readonly configMap?: { readonly name: string }
          readonly secret?: Items
          readonly projected?: { readonly sources: ReadonlyArray<{ readonly secret: Items }> }
        }>
      }
    }
  }
}

export interface Service extends Manifest {
  readonly spec: {
    readonly selector: Labels
    readonly ports: ReadonlyArray<{ readonly port: number; readonly targetPort: string | number }>
  }
}

/** The rendered objects of some kinds. */
export const ofKind = <A extends Manifest>(
  manifests: ReadonlyArray<Manifest>,
  ...kinds: ReadonlyArray<string>
): ReadonlyArray<A> => manifests.filter(({ kind }) => kinds.includes(kind)) as Array<A>

/** How long a process gives itself to close. */
export const graceSeconds = Number(
  /const graceMs = ([\d_]+)/.exec(readFileSync(join(root, "shared/service/run-main.ts"), "utf8"))
    ?.[1]?.replaceAll("_", ""),
) / 1000
/** How long a service takes to stop, including its drain; whatever stops it has to wait as long. */
export const stopSeconds = Duration.toSeconds(
  Duration.fromInputUnsafe(processSettings.DRAIN.default as Duration.Input),
) + graceSeconds

export const base = render(join(root, "k3d/base"))
/** The objects that `npm run k3d:up` applies. */
export const dev = render(join(root, "k3d/overlays/dev"))

export const workloadsOf = (manifests: ReadonlyArray<Manifest>) =>
  ofKind<Workload>(manifests, "Deployment", "StatefulSet")

export const containerOf = ({ spec }: Workload): Container => {
  const [container, ...others] = spec.template.spec.containers
  if (container === undefined || others.length > 0) throw new Error("not exactly one container")
  return container
}

/** "256Mi" in bytes, "50m" in cores. */
export const amount = (quantity: string): number => {
  const [, number = "", unit = ""] = /^([\d.]+)(m|Ki|Mi|Gi|)$/.exec(quantity) ?? []
  const units: Readonly<Record<string, number>> = { m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }
  return Number(number) * (units[unit] ?? 1)
}

/** Whether a selector matches pods with these labels. */
export const selects = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ""))

/**
 * Calls back with a folder whose kustomization is the base with these components; it is removed
 * afterwards.
 */
export const withComponents = <A>(
  components: ReadonlyArray<string>,
  use: (folder: string) => A,
): A => {
  const folder = join(mkdtempSync(join(tmpdir(), "unwind-overlay-")), "overlay")
  const path = (below: string) => relative(folder, join(root, "k3d", below))
  try {
    mkdirSync(folder)
    const kustomization = {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: [path("base")],
      components: components.map((component) => path(`components/${component}`)),
    }
    writeFileSync(join(folder, "kustomization.yaml"), JSON.stringify(kustomization))
    return use(folder)
  } finally {
    rmSync(join(folder, ".."), { recursive: true })
  }
}
