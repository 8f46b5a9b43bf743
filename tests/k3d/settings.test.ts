/**
 * The settings in the manifests exist in the services, are complete, and match those of Compose.
 */
import { Effect } from "effect"
import { parse } from "effect/encoding/Yaml"
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { serviceNamed } from "#compose/embedded/services.ts"
import { makeSecrets as makeComposeSecrets } from "#compose/secrets/secret-files.ts"
import { Environment, readSettings, type Setting } from "#shared/config/settings.ts"
import { databaseSettings } from "#shared/postgres/settings.ts"
import { roster, serviceNames, withDatabase } from "#shared/roster.ts"
import { commonSettings } from "#shared/service/service.ts"
import { makeSecrets } from "../../k3d/secrets.ts"
import { type Manifest, render } from "./kustomize.ts"
import {
  base,
  containerOf,
  dev,
  ofKind,
  root,
  type Service,
  type Workload,
  workloadsOf,
} from "./system.ts"

interface ComposeService {
  readonly image: string
  readonly build?: { readonly target?: string }
  readonly command?: string | ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string | number>>
}

const compose = parse(readFileSync(join(root, "compose.yaml"), "utf8")) as {
  readonly "x-settings": Readonly<Record<string, string>>
  readonly services: Readonly<Record<string, ComposeService>>
}
const services = await Effect.runPromise(Effect.forEach(serviceNames, serviceNamed))

const workloadNamed = (name: string): Workload => {
  const found = workloadsOf(dev).find(({ metadata }) => metadata.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

const environmentOf = (name: string) =>
  Object.fromEntries(
    (containerOf(workloadNamed(name)).env ?? []).map(({ name, value }) => [name, value]),
  )

/** The files of a pod's Secrets, as mounted at /run/secrets. */
const secretFilesOf = async (name: string): Promise<Readonly<Record<string, string>>> => {
  const secrets = new Map((await makeSecrets()).map((secret) => [secret.metadata.name, secret]))
  const mounted = workloadNamed(name).spec.template.spec.volumes.flatMap(({ secret, projected }) =>
    projected?.sources.map((source) => source.secret) ?? (secret ? [secret] : [])
  )
  return Object.fromEntries(
    mounted.flatMap(({ name = "", secretName = name, items }) =>
      items.map(({ key, path }) => [path, secrets.get(secretName)?.stringData[key] ?? ""])
    ),
  )
}

const inFolder = async <A>(use: (folder: string) => Promise<A>): Promise<A> => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-secrets-"))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe.each(services.map((service) => [service.name, service] as const))(
  "the settings of %s",
  (name, { settings }) => {
    const { port, internalPort } = roster[name]
    const all: Readonly<Record<string, Setting<unknown>>> = {
      ...commonSettings(roster[name]),
      ...settings,
    }

    it("exist, and each is given once", () => {
      const given = (containerOf(workloadNamed(name)).env ?? []).map(({ name }) => name)
      expect(given.filter((name) => !(name.replace(/_FILE$/, "") in all))).toEqual([])
      expect(new Set(given).size).toBe(given.length)
    })

    it("are complete and valid, with the Secrets as they are made", async () => {
      const read = await inFolder(async (folder) => {
        for (const [path, content] of Object.entries(await secretFilesOf(name))) {
          writeFileSync(join(folder, path), content)
        }
        const environment = Object.fromEntries(
          Object.entries(environmentOf(name)).map(([name, value]) => [
            name,
            value.replace("/run/secrets", folder),
          ]),
        )
        return await readSettings(all).pipe(
          Effect.provideService(Environment, environment),
          Effect.runPromise,
        )
      })
      expect(read["PORT"] ?? null).toBe(port)
      expect(read["INTERNAL_PORT"]).toBe(internalPort)
      const { ports } = containerOf(workloadNamed(name))
      expect(ports).toEqual([
        ...(port === null ? [] : [{ name: "public", containerPort: port }]),
        { name: "internal", containerPort: internalPort },
      ])
    })

    it("match those of Compose", () => {
      const { image, command, environment = {} } = compose.services[name] ?? { image: "" }
      const fixed = Object.entries(environment)
        // Compose passes on the settings of its environment; by default there are none.
        .filter(([name, value]) => !(name in compose["x-settings"]) && !`${value}`.startsWith("${"))
        .map(([name, value]) => [name, `${value}`])
      expect(environmentOf(name)).toEqual(Object.fromEntries(fixed))
      expect(containerOf(workloadNamed(name)).args).toEqual([command])
      expect(image).toBe("unwind:dev${RUNTIME:+-${RUNTIME:-}}")
      expect(containerOf(workloadNamed(name)).image).toBe("unwind:dev")
    })

    it("lead to Services that exist", () => {
      const defaults = Object.values(all).map((setting) => setting.default ?? "")
      for (const value of [...defaults, ...Object.values(environmentOf(name))]) {
        if (!value.startsWith("http")) continue
        const { hostname, port } = new URL(value)
        const [service] = ofKind<Service>(dev, "Service")
          .filter(({ metadata }) => metadata.name === hostname)
        expect(service?.spec.ports).toContainEqual({
          name: "internal",
          port: Number(port),
          targetPort: "internal",
        })
      }
    })
  },
)

describe("the stores", () => {
  it("are the images of Compose, with the same start commands", () => {
    const dockerfile = readFileSync(join(root, "compose/Dockerfile"), "utf8")
    for (const name of ["postgres", "redis"]) {
      expect(dockerfile).toContain(`FROM ${containerOf(workloadNamed(name)).image} AS ${name}\n`)
      expect(compose.services[name]?.build?.target).toBe(name)
    }
    expect(environmentOf("postgres")).toEqual(compose.services["postgres"]?.environment)
    expect(containerOf(workloadNamed("redis")).args[0]).toBe("redis-server")
  })

  it("read the files that Compose gives them", () => {
    const data = ofKind<Manifest & { data: Record<string, string> }>(dev, "ConfigMap")
      .map((configMap) => configMap.data)
    const file = (path: string) => readFileSync(join(root, "compose", path), "utf8")
    expect(data).toEqual([
      { "databases.sh": file("postgres/databases.sh") },
      { "redis.conf": file("redis/redis.conf") },
    ])
  })

  it.each([["postgres", "databases.sh"], ["redis", "redis.conf"]])(
    "are restarted when a file of theirs changes, and no others: %s, %s",
    async (store, file) => {
      await inFolder((folder) => {
        cpSync(join(root, "k3d/base"), folder, { recursive: true })
        appendFileSync(join(folder, file), "# a change\n")
        const changed = workloadsOf(render(folder)).filter(({ metadata, spec }) => {
          const before = workloadsOf(base).find((one) => one.metadata.name === metadata.name)
          return JSON.stringify(spec.template) !== JSON.stringify(before?.spec.template)
        })
        expect(changed.map(({ metadata }) => metadata.name)).toEqual([store])
        return Promise.resolve()
      })
    },
  )

  it("accept the connections of all pools, also while the services are replaced", () => {
    const [, most] = containerOf(workloadNamed("postgres")).args.join(" ")
      .match(/max_connections=(\d+)/) ?? []
    const users = workloadsOf(base).filter((workload) =>
      (containerOf(workload).env ?? []).some(({ name }) => name === "DATABASE_URL_FILE")
    )
    // Each pod has its pool and one connection that listens; an update adds a pod to each
    // Deployment.
    const pool = Number(databaseSettings.DATABASE_POOL.default) + 1
    const pods = users.reduce((sum, { spec }) => sum + (spec.replicas ?? 1) + 1, 0)
    expect(users).toHaveLength(withDatabase.length)
    expect(pods * pool).toBeLessThan(Number(most))
  })
})

describe("the Secrets", () => {
  it("become the same files as in Compose", async () => {
    const shapes = (files: Readonly<Record<string, string>>) =>
      Object.fromEntries(
        Object.entries(files).map(([path, content]) => [
          path,
          content.startsWith("{") ? "keys" : content.replaceAll(/[\w-]{40,}/g, "PASSWORD"),
        ]),
      )
    await inFolder(async (folder) => {
      await makeComposeSecrets(folder)
      for (const { metadata: { name } } of workloadsOf(dev)) {
        const here = await secretFilesOf(name)
        const there = Object.fromEntries(
          Object.keys(here).map((path) => [path, readFileSync(join(folder, name, path), "utf8")]),
        )
        const { "queue-token": _here, ...mine } = shapes(here)
        const { "queue-token": _there, ...composes } = shapes(there)
        expect(mine, name).toEqual(composes)
      }
    })
  })

  it("have a different password for each user, which is also the role's", async () => {
    const logins = (await makeSecrets()).filter(({ metadata }) =>
      metadata.name.startsWith("database-")
    )
    expect(new Set(logins.map(({ stringData }) => stringData["password"])).size)
      .toBe(withDatabase.length + 1)
    for (const { type, metadata: { name }, stringData } of logins) {
      expect(type).toBe("kubernetes.io/basic-auth")
      if (name === "database-superuser") continue
      const { username, password, pathname } = new URL(stringData["database-url"] ?? "")
      expect([`database-${username}`, password]).toEqual([name, stringData["password"]])
      expect(pathname).toBe(`/${username}`)
      expect(password).toMatch(/^[\w-]{43}$/)
    }
  })
})
