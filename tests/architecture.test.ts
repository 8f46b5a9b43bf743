/** The rules of the layout: who may import whom, and how large a file may grow. */
import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { describe, expect, it } from "vitest"

const root = join(import.meta.dirname, "..")
const sources = globSync("{services,shared,compose,k3d,tests}/**/*.{ts,tsx,sql}", {
  cwd: root,
  exclude: ["**/node_modules/**"],
})

/** What a file imports from this project, as paths from the root. */
const importsOf = (file: string): ReadonlyArray<string> => {
  const text = readFileSync(join(root, file), "utf8")
  return [...text.matchAll(/(?:from|import\()\s*"([.#][^"]*)"/g)].map(([, target = ""]) =>
    target.startsWith("#") ? target.slice(1) : relative(root, join(root, dirname(file), target))
  )
}

const wrongImports = (where: RegExp, allowed: (file: string) => ReadonlyArray<string>) =>
  sources.filter((file) => where.test(file)).flatMap((file) =>
    importsOf(file)
      .filter((target) => !allowed(file).some((folder) => target.startsWith(folder)))
      .map((target) => `${file} imports ${target}`)
  )

/** Packages inside the project. Each stands alone: a copy of its folder runs elsewhere. */
const packages = ["tests/instruments/bench/limit", "tests/instruments/bench/peers"]

interface Package {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const packageIn = (folder: string) => {
  const text = readFileSync(join(root, folder, "package.json"), "utf8")
  const { dependencies, devDependencies = {} } = JSON.parse(text) as Package
  return { dependencies, all: { ...dependencies, ...devDependencies } }
}

/** The names of the packages that a file imports, except for Node's own modules. */
const packagesIn = (file: string): ReadonlyArray<string> =>
  [...readFileSync(join(root, file), "utf8").matchAll(/(?:from|import)\s*\(?"([^".#][^"]*)"/g)]
    .map(([, name = ""]) => name).filter((name) => !name.startsWith("node:"))
    .map((name) => name.split("/").slice(0, name.startsWith("@") ? 2 : 1).join("/"))

describe("the layout", () => {
  it("lets a service import only itself and shared", () => {
    const own = (file: string) => file.split("/").slice(0, 2).join("/") + "/"
    const program = /^services\/(?!console\/cli\/)/
    expect(wrongImports(program, (file) => [own(file), "shared/"])).toEqual([])
  })

  it("lets the command line import services, as compose does, and nothing import the command line", () => {
    const cli = "services/console/cli/"
    const parts = ["compose/", "services/", "shared/"]
    expect(wrongImports(/^services\/console\/cli\//, () => parts)).toEqual([])
    const standing = sources.filter((file) => !file.startsWith(cli) && !file.startsWith("tests/"))
      .filter((file) => importsOf(file).some((target) => target.startsWith(cli)))
    expect(standing).toEqual([])
  })

  it("lets shared import only itself", () => {
    expect(wrongImports(/^shared\//, () => ["shared/"])).toEqual([])
  })

  it("starts PostgreSQL through one file, which alone of its folder others import", () => {
    const folder = "compose/embedded/postgres/"
    const past = sources.filter((file) => !file.includes(folder)).flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith(folder) && target !== `${folder}postgres.ts`)
        .map((target) => `${file} imports ${target}`)
    )
    expect(past).toEqual([])
  })

  it("keeps tests out of the product", () => {
    expect(wrongImports(/^compose\//, () => ["compose/", "services/", "shared/"])).toEqual([])
    expect(wrongImports(/^k3d\//, () => ["k3d/", "shared/"])).toEqual([])
  })

  it.each(packages)("lets %s import itself and its own dependencies only", (folder) => {
    const own = sources.filter((file) => file.startsWith(`${folder}/`))
    expect(own.length).toBeGreaterThan(5)
    expect(wrongImports(new RegExp(`^${folder}/`), () => [`${folder}/`])).toEqual([])
    const named = Object.keys(packageIn(folder).dependencies)
    expect(own.flatMap(packagesIn).filter((name) => !named.includes(name))).toEqual([])
  })

  it.each(packages)(
    "gives %s exact versions, which are the project's where it has them",
    (folder) => {
      const { all: projects } = packageIn("")
      const wrong = Object.entries(packageIn(folder).all).filter(([name, version]) =>
        !/^\d+\.\d+\.\d+$/.test(version) || version !== (projects[name] ?? version)
      )
      expect(wrong).toEqual([])
    },
  )

  it("has no file over 300 lines, no test over 400, and no file whose name says nothing", () => {
    const long = sources.filter((file) =>
      readFileSync(join(root, file), "utf8").split("\n").length >
        (file.endsWith(".test.ts") ? 401 : 301)
    )
    expect(long).toEqual([])
    expect(sources.filter((file) => /\/(index|utils?|common|helpers?|misc)\.tsx?$/.test(file)))
      .toEqual([])
  })

  it("has no comment over 100 columns; the formatter limits code", () => {
    const long = sources.flatMap((file) =>
      readFileSync(join(root, file), "utf8").split("\n")
        .filter((line) => /^\s*(?:\*|\/\/|\/\*)/.test(line) && line.length > 100)
        .map((line) => `${file}: ${line}`)
    )
    expect(long).toEqual([])
  })

  it("has no shared module of tests with hooks, which a process would run only once", () => {
    const hooks = /^(?:before|after)(?:All|Each)\(/m
    const shared = sources.filter((file) => file.startsWith("tests/") && !/\.test\.ts$/.test(file))
    expect(shared.filter((file) => hooks.test(readFileSync(join(root, file), "utf8")))).toEqual([])
  })

  it("opens every source file with a sentence about it", () => {
    const silent = sources.filter((file) => !file.startsWith("tests/"))
      .filter((file) => !/^(\/\*\*|--|create table)/.test(readFileSync(join(root, file), "utf8")))
    expect(silent).toEqual([])
  })
})
