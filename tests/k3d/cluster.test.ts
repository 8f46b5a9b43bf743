/**
 * The cluster that k3d creates: a pinned k3s, reachable from this machine only, whose commands end.
 */
import { parse } from "effect/encoding/Yaml"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { clusterName } from "../../k3d/cluster.ts"
import { root } from "./system.ts"

const read = (file: string) => readFileSync(join(root, "k3d", file), "utf8")
const cluster = parse(read("cluster.yaml"))

describe("k3d/cluster.yaml", () => {
  it("describes the cluster that the scripts use", () => {
    expect(cluster).toMatchObject({ kind: "Simple", metadata: { name: clusterName } })
  })

  it("pins k3s to the version that Pod Security is pinned to", () => {
    const [, minor] = /^rancher\/k3s:v1\.(\d+)\.\d+-k3s\d+(?:@|$)/.exec(
      (cluster as { image: string }).image,
    ) ?? []
    expect(read("base/namespace.yaml")).toContain(`enforce-version: v1.${minor}\n`)
  })

  it("is reachable from this machine only, with the ingress at the scripts' port", () => {
    const [, port] = /bringUp\((\d+)\)/.exec(read("up.ts")) ?? []
    expect(cluster).toMatchObject({
      kubeAPI: { hostIP: "127.0.0.1" },
      ports: [{ port: `127.0.0.1:${port}:80`, nodeFilters: ["loadbalancer"] }],
    })
  })

  it("gives up after a while", () => {
    expect(cluster).toMatchObject({
      options: { k3d: { wait: true, timeout: expect.stringMatching(/^\d+s$/) } },
    })
  })
})
