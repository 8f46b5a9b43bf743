/**
 * Makes, starts and removes the k3d cluster that k3d/cluster.yaml describes.
 */
import { createServer } from "node:net"
import { Console, Effect } from "effect"
import { read, run, StepError } from "./commands.ts"

/** As k3d/cluster.yaml names it. */
export const clusterName = "unwind"

/** Makes sure that the cluster runs. Fails with StepError. */
export const ensureCluster = (port: number) =>
  Effect.gen(function* () {
    const found = yield* findCluster
    if (found === undefined) {
      yield* checkPort(port)
      yield* run(
        ["k3d", "cluster", "create", "--config", "k3d/cluster.yaml"],
        "its output above says why; nothing is left of the cluster",
      )
    } else if (found.serversRunning < found.serversCount) {
      yield* run(
        ["k3d", "cluster", "start", clusterName],
        "its output above says why; npm run k3d:down removes the cluster for a new one",
      )
    } else yield* Console.log(`The cluster ${clusterName} is running.`)
  })

/** Removes the cluster with all its data, if there is one. Fails with StepError. */
export const removeCluster = Effect.gen(function* () {
  if ((yield* findCluster) === undefined) {
    return yield* Console.log(`There is no cluster ${clusterName} to remove.`)
  }
  yield* run(["k3d", "cluster", "delete", clusterName], "its output above says why")
})

interface Cluster {
  readonly name: string
  readonly serversRunning: number
  readonly serversCount: number
}

const findCluster = Effect.map(
  read(["k3d", "cluster", "list", "--output", "json"], "check that k3d works"),
  (printed) =>
    (JSON.parse(printed) as ReadonlyArray<Cluster>).find(({ name }) => name === clusterName),
)

const checkPort = (port: number): Effect.Effect<void, StepError> =>
  Effect.callback((resume) => {
    const server = createServer()
    server.once("error", ({ message }) =>
      resume(
        new StepError({
          message:
            `Port ${port} cannot be used (${message}): stop the program there, such as npm start ` +
            "or docker compose up, and try again",
        }),
      ))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.void)))
  })
