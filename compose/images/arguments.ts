/** The command line of `npm run images`. */
import { parseArgs } from "node:util"

/** What there is to do, and with which images. */
export interface Run {
  readonly task: "list" | "check" | "pin" | "unpin"
  /** All where none is named. */
  readonly names: ReadonlyArray<string>
  /** The registry to ask instead of each image's own. */
  readonly registry?: string | undefined
}

export type Arguments =
  | Run
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

export const help =
  `Usage: npm run images [-- --check | --pin | --unpin] [--registry URL] [IMAGE...]

The images that this system is built on or run with, by compose/images.json: the tag of each, and
the digest that it is pinned to. All are meant where none is named (such as postgres).

  --check          fail unless each is pinned, its tag still has that digest at its registry, and
                   every file names it so; changes nothing
  --pin            ask the registries which digest each tag has now, and write it into images.json
                   and all files; for another tag, change it in images.json first
  --unpin          take the digests off, for a machine that has the images and no registry
  --registry URL   ask this registry, a mirror say, for all of them
  --help           show this

Exits with 0 when all is well, with 1 when it is not, and with 2 when it does not understand.`

const options = {
  check: { type: "boolean" },
  pin: { type: "boolean" },
  unpin: { type: "boolean" },
  registry: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const

/** Understands the words after the program's name; `known` are the images that may be named. */
export const parseArguments = (
  words: ReadonlyArray<string>,
  known: ReadonlyArray<string>,
): Arguments => {
  const refuse = (what: string) => ({
    task: "refuse" as const,
    message: `${what.split(/\n|\. /)[0]}: see npm run images -- --help`,
  })
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options,
      allowPositionals: true,
    })
    if (values.help) return { task: "help" }
    const tasks = (["check", "pin", "unpin"] as const).filter((task) => values[task])
    if (tasks.length > 1) return refuse("--check, --pin and --unpin exclude each other")
    const unknown = positionals.find((name) => !known.includes(name))
    if (unknown !== undefined) {
      return refuse(`There is no image ${JSON.stringify(unknown)} in compose/images.json`)
    }
    const { registry } = values
    if (registry !== undefined && !/^https?:\/\//.test(registry)) {
      return refuse("--registry is a URL, such as https://mirror.example.com")
    }
    return { task: tasks[0] ?? "list", names: positionals, registry }
  } catch (error) {
    return refuse((error as Error).message)
  }
}
