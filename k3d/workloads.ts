/**
 * The contents of the cluster: the image, the Secrets, the manifests, and the wait until everything
 * is ready.
 */
import { Console, Effect } from "effect"
import { startOrder } from "#shared/roster.ts"
import { clusterName } from "./cluster.ts"
import { read, run, type ShellCommand, StepError } from "./commands.ts"
import { makeSecrets } from "./secrets.ts"

const image = "unwind:dev"
const namespace = "unwind"

const kubectl = (...parameters: ReadonlyArray<string>): ShellCommand => [
  ...["kubectl", "--context", `k3d-${clusterName}`, "--namespace", namespace] as const,
  ...parameters,
]
const notTaken = "its output above says why; check that the cluster is running (k3d cluster list)"

/** Builds the image and returns its id. Fails with StepError. */
export const buildImage = Effect.andThen(
  run(
    ["docker", "build", "--file", "compose/Dockerfile", "--tag", image, "."],
    "its output above says why",
  ),
  read(["docker", "image", "inspect", "--format", "{{.Id}}", image], "check that Docker works"),
)

/** Applies the manifests to the cluster, with this image. Fails with StepError. */
export const deploy = (imageId: string) =>
  Effect.gen(function* () {
    yield* run(kubectl("apply", "--filename", "k3d/base/namespace.yaml"), notTaken)
    const noted = yield* read(
      kubectl("get", "namespace", namespace, "--output", "jsonpath={.metadata.annotations.image}"),
      notTaken,
    )
    if (noted !== imageId) {
      yield* run(["k3d", "image", "import", image, "--cluster", clusterName], notTaken)
    }
    yield* createMissingSecrets
    yield* run(kubectl("apply", "--kustomize", "k3d/overlays/dev"), notTaken)
    // The image's name does not change, so Kubernetes would not notice.
    if (noted !== "" && noted !== imageId) {
      yield* run(kubectl("rollout", "restart", "deployment"), notTaken)
    }
    yield* run(
      kubectl("annotate", "namespace", namespace, `image=${imageId}`, "--overwrite"),
      notTaken,
    )
  })

const createMissingSecrets = Effect.gen(function* () {
  const there = yield* read(kubectl("get", "secrets", "--output", "name"), notTaken)
  const names = new Set(there.split("\n"))
  const secrets = yield* Effect.promise(makeSecrets)
  const items = secrets.filter(({ metadata }) => !names.has(`secret/${metadata.name}`))
  if (items.length === 0) return yield* Console.log("The Secrets exist already, and stay.")
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items })
  yield* run(kubectl("create", "--filename", "-"), notTaken, list)
})

/** In dependency order, so that the output names what is being waited for. */
const workloads = [
  ...["statefulset/postgres", "statefulset/redis"],
  ...startOrder.flat().map((name) => `deployment/${name}`),
]

/**
 * Waits until everything is ready and of this version, and shows the progress. Fails with
 * StepError.
 */
export const awaitReady = Effect.forEach(
  workloads,
  (workload) => run(kubectl("rollout", "status", workload, "--timeout", "5m"), ""),
  { discard: true },
).pipe(
  Effect.catch((error) =>
    run(kubectl("get", "pods"), "").pipe(
      Effect.ignore,
      Effect.andThen(
        new StepError({
          message: `${error.message}the pods are listed above; \`${
            kubectl("describe", "pod", "NAME").join(" ")
          }\` says what a pod waits for, and npm run k3d:up resumes from here`,
        }),
      ),
    )
  ),
)
