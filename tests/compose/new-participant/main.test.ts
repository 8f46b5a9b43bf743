/**
 * `npm run new:participant` in a copy of the sources: the participant that it makes is known
 * everywhere, by all tests that compare the manifests with the roster. If it cannot make all of it,
 * it writes nothing and says why.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { newParticipantSyntax } from "#compose/new-participant/arguments.ts"
import { leftToWrite } from "#compose/new-participant/left-to-write.ts"
import { understand } from "#shared/command/understand.ts"
import { blocksIn } from "#tests/e2e/documented-commands.ts"
import {
  copySources,
  courier,
  editSources,
  madeHere,
  whyNoFourthStep,
} from "#tests/e2e/fourth-step.ts"
import { atLength } from "#tests/support/length.ts"

const root = join(import.meta.dirname, "../../..")
const binary = (name: string) => join(root, "node_modules/.bin", name)

let folder: string
beforeAll(() => {
  folder = copySources()
})
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))

/** The command's output, and its exit code, in the copy. */
const make = (...words: ReadonlyArray<string>) => {
  const { status, stdout, stderr } = spawnSync(
    binary("node"),
    ["compose/new-participant/main.ts", ...words],
    { cwd: folder, encoding: "utf8" },
  )
  return { code: status, output: stdout, errors: stderr }
}

/** The output of a program that finds something wrong with the copy. */
const complaintsOf = (program: string, ...words: ReadonlyArray<string>): string => {
  const { status, stdout, stderr } = spawnSync(binary(program), words, {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1" },
  })
  return status === 0 ? "" : `${stdout}${stderr}`
}

const failuresIn = (...names: ReadonlyArray<string>) =>
  complaintsOf(
    "vitest",
    ...["run", "--configLoader", "runner", "--testTimeout", "0", "--no-isolate"],
    ...names.map((name) => `tests/${name}.test.ts`),
  )

const product = ["services", "shared", "compose", "k3d"]

/** A checksum of everything in the copy. */
const contents = (): string => {
  const hash = createHash("sha256")
  const visit = (path: string) => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).toSorted()) visit(join(path, name))
    } else hash.update(`${path}\0`).update(readFileSync(path))
  }
  for (const name of [...product, "compose.yaml", ".env.example"]) visit(join(folder, name))
  return hash.digest("hex")
}

const nothingChanges = (run: () => ReturnType<typeof make>) => {
  const before = contents()
  const result = run()
  expect(contents()).toBe(before)
  return result
}

const namesOf = ["courier", "--resource", "district"]

describe.skipIf(whyNoFourthStep)(madeHere("the words after npm run new:participant"), () => {
  it.each<readonly [words: string, says: string]>([
    ["", "It needs one NAME, such as courier"],
    ["courier", "It needs --resource, such as district"],
    ["courier gifts --resource gift", 'It takes one NAME, such as courier, and not "gifts"'],
    ["courier --resource district --balance money", "--balance must be capacity or stock, not"],
    [
      "Courier --resource district",
      "Courier: 2 to 30 of a-z and 0-9, beginning with a letter",
    ],
    ["../courier --resource district", "../courier: 2 to 30 of a-z"],
    ["my-courier --resource district", "my-courier: 2 to 30 of a-z"],
    ["courier --resource 1st", "--resource 1st: 2 to 30 of a-z"],
    [`courier --resource ${"d".repeat(31)}`, ": 2 to 30 of a-z"],
    ["slots --resource district", "slots: it exists already: it has a row in shared/roster.ts"],
    ["postgres --resource district", "postgres: compose.yaml or k3d/base has something"],
    ["redis --resource district", "redis: compose.yaml or k3d/base has something"],
    ["gateway --resource district", "gateway: compose.yaml or k3d/base has something"],
    ["outside --resource district", "outside: compose.yaml or k3d/base has something"],
    ["nobody --resource district", "nobody: compose.yaml or k3d/base has something"],
    ["class --resource district", "class: code uses that word for something else"],
    ["await --resource district", "await: code uses that word for something else"],
    ["undefined --resource district", "undefined: code uses that word for something else"],
    ["constructor --resource district", "constructor: code uses that word for something else"],
    ["participant --resource district", "participant: code uses that word for something else"],
    ["run --resource district", "run: code uses that word for something else"],
    ["user --resource district", "user: PostgreSQL or the network uses that word"],
    ["superuser --resource district", "superuser: PostgreSQL or the network uses that word"],
    ["localhost --resource district", "localhost: PostgreSQL or the network uses that word"],
    ["queue --resource district", "queue: there is a setting QUEUE_URL already"],
    ["slot --resource district", "slot: there is a setting SLOT_CAPACITY already"],
    ["money --resource district", "money: the saga has a step money already"],
    ["courier --resource order", "--resource order: it is a keyword of SQL"],
    ["courier --resource item", "--resource item: an order has a field of that name already"],
    ["courier --resource resource", "--resource resource: every participant has a table or a col"],
    ["courier --resource capacity", "--resource capacity: every participant has a table or a col"],
    ["courier --resource reservation", "--table reservations: every participant has a table or"],
    ["courier --resource sheep --table sheep", "--table sheep: it is the name of the resource"],
    ["courier --resource district --table table", "--table table: it is a keyword of SQL"],
  ])("are refused if they cannot be used: %s", (words, says) => {
    const understood = understand(newParticipantSyntax, words.split(" ").filter(Boolean))
    const { message } = understood as { readonly message: string }
    expect(understood.task).toBe("refuse")
    expect(message).toContain(says)
    expect(message).toMatch(/^[^\n]*: see npm run new:participant -- --help$/)
  })

  it("may be words that other services use internally", () => {
    for (
      const words of [
        "couriers --resource route",
        "selector --resource label",
        "gifts --resource box --table crates",
      ]
    ) {
      expect(understand(newParticipantSyntax, words.split(" ")).task).toBe("run")
    }
  })
})

describe.skipIf(whyNoFourthStep)(madeHere("the help of npm run new:participant"), () => {
  it("states the actual exit codes", () => {
    const help = make("--help")
    expect(help.output).toContain("exits with 2\nwhen a name or an option cannot be used")
    expect([help.code, make("slots", "--resource", "district").code]).toEqual([0, 2])
  })
})

describe.skipIf(whyNoFourthStep)(
  madeHere("npm run new:participant, if something is wrong, writes nothing and"),
  () => {
    it("names every place of a file that it does not find", () => {
      const spoilt = {
        "compose.yaml": /^ {2}slots: \*closed\n/m,
        ".env.example": /^#SLOTS_URL=.*\n/m,
      }
      const originals = Object.entries(spoilt).map(([file, place]) => {
        const path = join(folder, file)
        const text = readFileSync(path, "utf8")
        writeFileSync(path, text.replace(place, ""))
        return () => writeFileSync(path, text)
      })
      const { code, output, errors } = nothingChanges(() => make(...namesOf))
      for (const restore of originals) restore()
      expect(errors.split("\n").map((line) => line.split(": nothing")[0])).toEqual([
        "Nothing is written:",
        "  .env.example: no place for the setting with its address",
        "  compose.yaml: no place for its network",
        "",
      ])
      expect([code, output]).toEqual([1, ""])
    })

    it("names the service that it copies from if that one is missing", () => {
      const [here, away] = [join(folder, "services/slots"), join(folder, "slots")]
      renameSync(here, away)
      const { code, errors } = make(...namesOf)
      renameSync(away, here)
      expect(errors).toContain(
        "  services/courier/main.ts: no place for its entry: it is copied from " +
          "services/slots/main.ts, which cannot be read\n",
      )
      expect(code).toBe(1)
    })

    it("says that there is such a folder already, or that a file is not a folder", () => {
      const path = join(folder, "services/courier")
      mkdirSync(path)
      const { code, errors } = nothingChanges(() => make(...namesOf))
      rmSync(path, { recursive: true })
      expect([code, errors]).toEqual([1, "Nothing is written: services/courier exists already\n"])
      const roster = join(folder, "compose/development.yaml")
      const text = readFileSync(roster, "utf8")
      rmSync(roster)
      mkdirSync(roster)
      const wrong = nothingChanges(() => make(...namesOf))
      rmSync(roster, { recursive: true })
      writeFileSync(roster, text)
      expect(wrong.errors).toMatch(/^Nothing is written:\n {2}compose\/development\.yaml: EISDIR/)
    })

    it("prints what it would write when told to", () => {
      const { code, output, errors } = nothingChanges(() => make(...namesOf, "--dry-run"))
      expect([code, errors]).toEqual([0, ""])
      for (
        const text of [
          "services/courier/service.ts\n+ /** Courier: the capacity of each district.",
          "compose.yaml\n+   COURIER_CAPACITY: ${COURIER_CAPACITY:-}\n",
          ".env.example\n+ # courier: the capacity of each district\n+ #COURIER_CAPACITY=100\n",
        ]
      ) {
        expect(output).toContain(text)
      }
    })
  },
)

describe.skipIf(whyNoFourthStep)(madeHere("a run of npm run new:participant"), () => {
  it("is undone by the commands of the guide", () => {
    const git = (...words: ReadonlyArray<string>) => {
      const { status, stderr } = spawnSync("git", words, { cwd: folder, encoding: "utf8" })
      expect(status, stderr).toBe(0)
    }
    git("init", "--quiet")
    git("add", ...product, "compose.yaml", ".env.example")
    git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "before")
    const before = contents()
    expect(make("courier", "--resource", "distrcit").code).toBe(0)
    expect(contents()).not.toBe(before)
    const [commands = ""] = Object.values(blocksIn("docs/add-a-step.md", "git")).flat()
    for (const command of commands.split("\n")) git(...command.split(" ").slice(1))
    expect(contents()).toBe(before)
    rmSync(join(folder, ".git"), { recursive: true })
  })
})

describe.skipIf(whyNoFourthStep)(madeHere("npm run new:participant"), () => {
  it("makes participants, and leaves only the named edits to a person", () => {
    const parcels = { name: "parcels", resource: "parcel", balance: "stock" } as const
    const { code, output, errors } = make(...namesOf)
    expect([code, errors]).toEqual([0, ""])
    for (const { file, what, lines } of leftToWrite(courier)) {
      const indented = lines.trimEnd().split("\n").map((line) => `  ${line}`).join("\n")
      expect(output).toContain(`  ${file}, ${what}:\n\n${indented}\n`)
    }
    const leftIn = (text: string) => text.slice(text.indexOf("\nWhat only you know"))
    const again = nothingChanges(() => make(...namesOf))
    expect(again).toEqual({
      code: 0,
      output: `An earlier run has made services/courier. Nothing is changed.\n${leftIn(output)}`,
      errors: "",
    })
    const other = nothingChanges(() => make("courier", "--resource", "region"))
    expect([other.code, other.errors]).toEqual([
      2,
      "courier: it exists already: it has a row in shared/roster.ts; docs/add-a-step.md says how " +
      "to undo a run: see npm run new:participant -- --help\n",
    ])
    expect(make("parcels", "--resource", "parcel", "--balance", "stock").errors).toBe("")
    const alone = atLength([], ["roster/roster"]).map((name) => failuresIn(name))
    for (const failures of alone) {
      expect(failures).toContain(
        "nobody calls parcels,courier: a participant has a row in shared/contracts/order-saga.ts",
      )
    }
    const [row, ...others] = [...leftToWrite(courier), ...leftToWrite(parcels)]
    editSources(folder, [row!])
    const half = nothingChanges(() => make(...namesOf)).output
    expect(half).toContain("shared/contracts/order.ts")
    expect(half).not.toContain("shared/contracts/order-saga.ts")
    editSources(folder, others)
    expect(nothingChanges(() => make(...namesOf)).output).toMatch(/\nNothing is left to write\.\n$/)
    const types = atLength([], ["tsconfig.product.json"]).map((file) =>
      complaintsOf("tsc", "-p", file)
    )
    expect(types.join("")).toBe("")
    expect(complaintsOf("deno", "fmt", "--check", ...product, "compose.yaml")).toBe("")
    const held = ["roster/roster", "compose/settings", "env-example"]
    const heldToo = ["k3d/policies", "k3d/settings", "k3d/components"]
    expect(failuresIn(...held, ...atLength([], heldToo))).toBe("")
    const roster = readFileSync(join(folder, "shared/roster.ts"), "utf8")
    for (const [name, port] of [["courier", 9089], ["parcels", 9090]]) {
      expect(roster).toContain(`\n  ${name}: {\n    port: null,\n    internalPort: ${port},\n`)
    }
    expect(readFileSync(join(folder, "services/parcels/service.ts"), "utf8")).toContain(
      `  table: "parcels",\n  key: "parcel",\n  balance: "stock",\n`,
    )
  })
})
