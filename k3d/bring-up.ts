/**
 * `npm run k3d:up`, step by step. Every step checks what exists already, so it can be run again at
 * any time: to resume after a failure, or to apply a change.
 */
import { Console, Effect, Schedule } from "effect"
import { ensureCluster } from "./cluster.ts"
import { run, StepError } from "./commands.ts"
import { checkTools, toolsToBringUp } from "./tools.ts"
import { awaitReady, buildImage, deploy } from "./workloads.ts"

/**
 * Brings up the cluster with everything in it, and its ingress at the port. Fails with StepError.
 */
export const bringUp = (port: number) =>
  Effect.gen(function* () {
    const baseUrl = `http://localhost:${port}`
    yield* checkTools(toolsToBringUp)
    yield* Console.log("\n1/5 The cluster")
    yield* ensureCluster(port)
    yield* Console.log("\n2/5 The image")
    const imageId = yield* buildImage
    yield* Console.log("\n3/5 The manifests")
    yield* deploy(imageId)
    yield* Console.log("\n4/5 Waiting until everything is ready")
    yield* awaitReady
    yield* Console.log("\n5/5 Four orders, as a test")
    yield* awaitIngress(baseUrl)
    yield* run(
      ["node", "services/console/cli/main.ts", "demo", "--base-url", baseUrl],
      "the cluster stays for inspection; npm run k3d:down removes it",
    )
    yield* Console.log(addresses(baseUrl))
  })

/** On a new cluster, Traefik is ready last. */
const awaitIngress = (baseUrl: string) =>
  Effect.tryPromise((signal) => fetch(`${baseUrl}/.well-known/jwks.json`, { signal })).pipe(
    Effect.filterOrFail((response) => response.ok),
    Effect.timeout("5 seconds"),
    Effect.retry(Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: "3 minutes" }))),
    Effect.mapError(() =>
      new StepError({
        message: `The ingress does not answer at ${baseUrl}: ` +
          "see what `kubectl --context k3d-unwind --namespace kube-system get pods` says of traefik",
      })
    ),
  )

const addresses = (baseUrl: string) => `
Unwind runs on Kubernetes.

  the API    ${baseUrl}
  the pods   kubectl --context k3d-unwind --namespace unwind get pods
  the logs   kubectl --context k3d-unwind --namespace unwind logs deployment/orchestrator --follow
  more       npm run demo -- --base-url ${baseUrl}
  remove it  npm run k3d:down`
