/** The command line of `npm run images`. */
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"

/** The task, and its images. */
export interface Run {
  readonly task: "list" | "check" | "pin" | "unpin"
  /** Empty means all. */
  readonly names: ReadonlyArray<string>
  /** The registry to ask instead of each image's own. */
  readonly registry?: string | undefined
}

/** `known`: the images that may be named. */
export const imagesSyntax = (known: ReadonlyArray<string>) =>
  syntax({
    call: "npm run images",
    usage: "[-- --check | --pin | --unpin] [--registry URL] [IMAGE...]",
    about:
      `The images that this system is built on or run with, by compose/images.json: the tag of each, and
the digest that it is pinned to. Without names (such as postgres), it applies to all images.`,
    options: {
      check: {
        type: "boolean",
        says: "fail unless each is pinned, its tag still has that digest at its registry, and " +
          "every file names it with the digest; changes nothing",
      },
      pin: {
        type: "boolean",
        says: "ask the registries which digest each tag has now, and write it into images.json " +
          "and all files; for another tag, change it in images.json first",
      },
      unpin: {
        type: "boolean",
        says: "remove the digests, for a machine that has the images but no registry",
      },
      registry: {
        type: "string",
        value: "URL",
        says: "ask this registry, such as a mirror, for all images",
      },
    },
    closing: "Exits with 0 on success, with 1 on failure, and with 2 for a wrong command line.",
    words: { least: 0, most: Infinity, what: "names of images" },
    read: (given, names): Run => {
      const tasks = (["check", "pin", "unpin"] as const).filter((task) => given[task])
      if (tasks.length > 1) throw new Misused("--check, --pin and --unpin exclude each other")
      const unknown = names.find((name) => !known.includes(name))
      if (unknown !== undefined) {
        throw new Misused(`There is no image ${JSON.stringify(unknown)} in compose/images.json`)
      }
      const { registry } = given
      if (registry !== undefined && !/^https?:\/\//.test(registry)) {
        throw new Misused("--registry is a URL, such as https://mirror.example.com")
      }
      return { task: tasks[0] ?? "list", names, registry }
    },
  })
