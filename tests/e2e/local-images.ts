/**
 * Images that were built or loaded on this machine under a registry's name have no digest of that
 * registry. On a machine without a registry the containers are tested with these images, without
 * the pins.
 */
import { mentionsOf, nameIn, readPins, writePins } from "#compose/images/images.ts"
import { run } from "./compose-project.ts"

/** The reference without its digest if the image was built on this machine; else unchanged. */
export const hereInstead = async (reference: string): Promise<string> => {
  const [tagged = reference, digest] = reference.split("@")
  if (digest === undefined) return reference
  const inspect = ["image", "inspect", "--format", "{{json .RepoDigests}}", tagged]
  const digests = await run("docker", inspect).catch(() => undefined)
  return digests === "[]" ? tagged : reference
}

/** Removes the pins of such images from a copy of the sources. Returns the names of the images. */
export const withoutPinsOf = async (folder: string): Promise<ReadonlyArray<string>> => {
  const pinned = new Set(mentionsOf(folder).map(({ reference }) => reference))
  const here: Array<string> = []
  for (const reference of pinned) {
    if (await hereInstead(reference) !== reference) here.push(nameIn(reference))
  }
  const pins = Object.entries(readPins(folder)).map(([name, pin]) =>
    [name, here.includes(name) ? { ...pin, digest: null } : pin] as const
  )
  writePins(folder, Object.fromEntries(pins))
  return here
}
