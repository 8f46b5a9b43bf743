/**
 * What the containers use after a load, held to what their pods ask for: a node that is full counts
 * on that.
 */
import { deepStrictEqual } from "node:assert/strict"
import { amount, base, containerOf, workloadsOf } from "../k3d/system.ts"
import { type ComposeProject, run } from "./compose-project.ts"

/** Fails when a container uses more memory than its pod requests. Gives a line of what they use. */
export const checkMemory = async (project: ComposeProject): Promise<string> => {
  const requests = new Map(
    workloadsOf(base).map((workload) => [
      workload.metadata.name,
      amount(containerOf(workload).resources.requests["memory"] ?? ""),
    ]),
  )
  const containers = (await project.containers()).filter(({ service }) => requests.has(service))
  const format = ["stats", "--no-stream", "--format", "{{.MemUsage}}"]
  const lines = (await run("docker", [...format, ...containers.map(({ id }) => id)])).split("\n")
  // Such as "103.9MiB / 256MiB", in the order in which they were named.
  const used = containers.map(({ service }, n) =>
    [service, amount(lines[n]!.split(" ")[0]!.replace(/B$/, ""))] as const
  )
  const over = used.filter(([service, bytes]) => bytes > requests.get(service)!)
  deepStrictEqual(over, [], "use more memory than their pods ask for")
  return used.map(([service, bytes]) => `${service} ${(bytes / 2 ** 20).toFixed(0)} MiB`).join(", ")
}
