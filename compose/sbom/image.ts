/**
 * Reads a built image's own records of its contents. It runs only the image's `cat`, without a
 * network.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { Effect, Schema } from "effect"
import type { Contents } from "./bill.ts"

/** An image cannot be read; the message says why, and the remedy. */
export class ImageError extends Schema.TaggedError<ImageError>()("ImageError", {
  message: Schema.String,
}) {}

const docker = (...words: ReadonlyArray<string>) =>
  Effect.tryPromise({
    try: async (signal) =>
      (await promisify(execFile)("docker", words, { maxBuffer: 2 ** 26, signal })).stdout,
    catch: (error) => {
      const { code, stderr, message } = error as Error & { code?: unknown; stderr?: string }
      const why = code === "ENOENT" ? "there is no docker command" : stderr?.trim() || message
      return new ImageError({
        message: `The image cannot be read (${why.split("\n").at(-1)}): build it first, with ` +
          "`docker compose build` or `npm run k3d:up`",
      })
    },
  })

const fileIn = (image: string, path: string) =>
  docker(
    ...["run", "--rm", "--pull", "never", "--network", "none", "--read-only", "--cap-drop", "ALL"],
    ...["--entrypoint", "cat", image, path],
  )

/** The contents of a local image. Fails with ImageError. */
export const contentsOf = (image: string): Effect.Effect<Contents, ImageError> =>
  Effect.gen(function* () {
    const id = yield* docker("image", "inspect", "--format", "{{.Id}}", image)
    const release = yield* fileIn(image, "/etc/os-release")
    const debian = yield* fileIn(image, "/var/lib/dpkg/status")
    // Only images with npm packages have npm's record.
    const npm = yield* Effect.option(fileIn(image, "/app/node_modules/.package-lock.json"))
    const field = (name: string) =>
      new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(release)?.[1] ?? "unknown"
    return {
      id: id.trim(),
      debian,
      distribution: { id: field("ID"), version: field("VERSION_ID") },
      npm: npm._tag === "Some" ? JSON.parse(npm.value) : undefined,
    }
  })
