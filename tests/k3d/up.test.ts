/**
 * What `npm run k3d:up` and `k3d:down` call, in which order, and what they print when something is
 * missing or fails. The programs are stand-ins: these tests do not show that k3d and a cluster
 * work.
 */
import { createServer } from "node:net"
import { once } from "node:events"
import { afterEach, describe, expect, it } from "vitest"
import { startOrder, withDatabase } from "#shared/roster.ts"
import { everyNth } from "#tests/support/length.ts"
import { type Machine, makeMachine, type Program } from "./machine.ts"

const machines: Array<Machine> = []
const machine = async (programs?: ReadonlyArray<Program>): Promise<Machine> => {
  const made = await makeMachine(programs)
  machines.push(made)
  return made
}
afterEach(() => machines.splice(0).forEach((made) => made.remove()))

const inCluster = "kubectl --context k3d-unwind --namespace unwind"
const workloads = [
  ...["statefulset/postgres", "statefulset/redis"],
  ...startOrder.flat().map((name) => `deployment/${name}`),
]
const stillThere = '[{"name":"unwind","serversRunning":1,"serversCount":1}]'
const secrets = [
  ...["superuser", ...withDatabase].map((name) => `database-${name}`),
  ...["redis", "service-keys", "signing-keys"],
]

const build = "docker build --file compose/Dockerfile --tag unwind:dev ."
const importImage = "k3d image import unwind:dev --cluster unwind"
const applyNamespace = `${inCluster} apply --filename k3d/base/namespace.yaml`
const createSecrets = `${inCluster} create --filename -`
const apply = `${inCluster} apply --kustomize k3d/overlays/dev`
const restart = `${inCluster} rollout restart deployment`
const note = (id: string) => `${inCluster} annotate namespace unwind image=sha256:${id} --overwrite`
const waits = workloads.map((name) => `${inCluster} rollout status ${name} --timeout 5m`)
const demo = ({ port }: Machine) =>
  `node services/console/cli/main.ts demo --base-url http://localhost:${port}`

describe("npm run k3d:up", () => {
  for (const runtime of ["node", "deno"] as const) {
    it(`creates the cluster and everything in it, on ${runtime}`, async () => {
      const here = await machine()
      const { code, output, did } = await here.up(runtime)
      expect(code, output).toBe(0)
      expect(did).toEqual([
        "k3d cluster create --config k3d/cluster.yaml",
        build,
        applyNamespace,
        importImage,
        createSecrets,
        apply,
        note("first"),
        ...waits,
        demo(here),
      ])
      expect(here.memory("secret-names").trim().split("\n"))
        .toEqual(secrets.map((name) => `secret/${name}`))
      expect(output).toContain(`the API    http://localhost:${here.port}\n`)
    })
  }

  it("does nothing twice", async () => {
    const here = await machine()
    await here.up()
    const { code, output, did } = await here.up()
    expect(code, output).toBe(0)
    expect(did).toEqual([build, applyNamespace, apply, note("first"), ...waits, demo(here)])
  })

  it("brings in a new image, and restarts the pods with the old one", async () => {
    const here = await machine()
    await here.up()
    here.remember("built", "sha256:second")
    const { did } = await here.up()
    expect(did.slice(1, 6))
      .toEqual([applyNamespace, importImage, apply, restart, note("second")])
  })

  it("makes a Secret that is missing, and keeps the others", async () => {
    const here = await machine()
    here.remember(
      "secret-names",
      secrets.filter((name) => name !== "redis").map((name) => `secret/${name}`).join("\n"),
    )
    await here.up()
    expect(JSON.parse(here.memory("secrets")))
      .toMatchObject({ kind: "List", items: [{ metadata: { name: "redis" } }] })
  })

  it("shows no secret, neither on the terminal nor in a command line", async () => {
    const here = await machine()
    const { output } = await here.up()
    const made = JSON.parse(here.memory("secrets")) as {
      items: Array<{ stringData: object }>
    }
    const values = made.items.flatMap(({ stringData }) => Object.entries(stringData))
      .flatMap(([key, value]) => key === "username" || value === "" ? [] : [String(value).trim()])
    expect(values.length).toBeGreaterThan(15)
    for (const value of values) expect(output + here.memory("calls")).not.toContain(value)
  })

  it("starts a cluster that was stopped", async () => {
    const here = await machine()
    here.remember("clusters", '[{"name":"unwind","serversRunning":0,"serversCount":1}]')
    const { code, did } = await here.up()
    expect(code).toBe(0)
    expect(did[0]).toBe("k3d cluster start unwind")
  })

  it("does not touch clusters with another name", async () => {
    const here = await machine()
    here.remember("clusters", stillThere.replace("unwind", "mine"))
    expect((await here.up()).did[0]).toBe("k3d cluster create --config k3d/cluster.yaml")
  })
})

describe("npm run k3d:up, if something is wrong,", () => {
  const expectRefusal = async (here: Machine, ...words: ReadonlyArray<string>) => {
    const { code, output, did } = await here.up()
    expect(code).toBe(1)
    expect(did).toEqual([])
    for (const word of words) expect(output).toContain(word)
    expect(output).not.toMatch(/^\s+at |undefined/m)
    return output
  }

  it("names everything that is missing at once", async () => {
    const output = await expectRefusal(await machine(["node"]))
    expect(output).toBe(
      "This needs docker, which is not on the PATH: install 23.0 or newer (https://docs.docker.com/get-started/get-docker/)\n" +
        "and it needs k3d, which is not on the PATH: install 5.5 or newer (https://k3d.io/#installation)\n" +
        "and it needs kubectl, which is not on the PATH: install 1.27 or newer (https://kubernetes.io/docs/tasks/tools/)\n",
    )
  })

  it("names programs that are too old", async () => {
    const here = await machine()
    here.remember("docker-version", "Docker 20.10.24")
    here.remember("k3d-version", "k3d version v4.4.8\nk3s version v1.21.3-k3s1")
    here.remember("kubectl-version", "Client Version: v1.20.5")
    const output = await expectRefusal(here)
    expect(output.trim().split("\n").map((line) => line.replace(/:.*/, ""))).toEqual([
      "This needs docker 23.0 or newer, but this is 20.10",
      "and it needs k3d 5.5 or newer, but this is 4.4",
      "and it needs kubectl 1.27 or newer, but this is 1.20",
    ])
  })

  it("says that Docker is not running", async () => {
    const here = await machine()
    here.remember("failing", "docker version")
    await expectRefusal(here, "This needs docker to answer, but it does not: start it")
  })

  it("says that the port is taken, before it creates a cluster", async () => {
    const here = await machine()
    const other = createServer().listen(here.port, "127.0.0.1")
    await once(other, "listening")
    await expectRefusal(here, `Port ${here.port} cannot be used`, "stop the program there")
    other.close()
  })

  it.each(everyNth<[string, string]>(3, [
    ["k3d cluster create", "nothing is left of the cluster"],
    [build, "its output above says why"],
    [importImage, "its output above says why"],
    [createSecrets, "its output above says why"],
    [apply, "its output above says why"],
    ["node services/console/cli/main.ts demo", "npm run k3d:down removes it"],
  ]))("stops at a failure, and says what to do: %s", async (failing, remedy) => {
    const here = await machine()
    here.remember("failing", failing)
    const { code, output, did } = await here.up()
    expect(code).toBe(1)
    expect(did.at(-1)).toMatch(failing)
    expect(output).toMatch(
      new RegExp(`^\`${failing}.*\` failed \\(exit code 7\\): .*${remedy}`, "m"),
    )
  })

  it("shows the pods if they do not become ready", async () => {
    const here = await machine()
    here.remember("failing", `${inCluster} rollout status deployment/orders`)
    const { code, output, did } = await here.up()
    expect(code).toBe(1)
    expect(did.at(-1)).toBe(`${inCluster} get pods`)
    expect(output).toContain("`kubectl --context k3d-unwind --namespace unwind describe pod NAME`")
  })

  it("continues where it stopped", async () => {
    const here = await machine()
    here.remember("failing", apply)
    await here.up()
    here.remember("failing", "")
    const { code, did } = await here.up()
    expect(code).toBe(0)
    expect(did).toEqual([
      build,
      applyNamespace,
      importImage,
      apply,
      note("first"),
      ...waits,
      demo(here),
    ])
  })
})

describe("npm run k3d:down", () => {
  it("removes the cluster, and does no harm if there is none", async () => {
    const here = await machine()
    here.remember("clusters", stillThere)
    const first = await here.down()
    expect([first.code, first.did]).toEqual([0, ["k3d cluster delete unwind"]])
    const second = await here.down()
    expect([second.code, second.did]).toEqual([0, []])
    expect(second.output).toContain("There is no cluster unwind to remove.")
  })

  it("needs no kubectl, and names everything else that is missing", async () => {
    const { code, output } = await (await machine(["kubectl", "node"])).down()
    expect(code).toBe(1)
    expect(output).toContain("This needs docker, which is not on the PATH")
    expect(output).toContain("and it needs k3d, which is not on the PATH")
    expect(output).not.toContain("kubectl")
  })
})
