/**
 * What the containers use after a load, compared with what their pods request: a full node relies
 * on that.
 */
import { deepStrictEqual } from "node:assert/strict"
import { amount, base, containerOf, workloadsOf } from "../k3d/system.ts"
import { type ComposeProject, run } from "./compose-project.ts"

/**
 * Fails if a container uses more memory than its pod requests. Returns a line about what each uses.
 */
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
  // For example "103.9MiB / 256MiB", in the order in which the containers were named.
  const used = containers.map(({ service }, n) =>
    [service, amount(lines[n]!.split(" ")[0]!.replace(/B$/, ""))] as const
  )
  const over = used.filter(([service, bytes]) => bytes > requests.get(service)!)
  deepStrictEqual(over, [], "use more memory than their pods request")
  return used.map(([service, bytes]) => `${service} ${(bytes / 2 ** 20).toFixed(0)} MiB`).join(", ")
}
