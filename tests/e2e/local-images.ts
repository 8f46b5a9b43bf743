/**
 * Images that were made or loaded on this machine, under the name of one that a registry has, have
 * no digest there: on a machine without a registry the containers are tried with those, without the
 * pins.
 */
import { mentionsOf, nameIn, readPins, writePins } from "#compose/images/images.ts"
import { run } from "./compose-project.ts"

/** The reference without its digest where the image is of this machine; as it is elsewhere. */
export const hereInstead = async (reference: string): Promise<string> => {
  const [tagged = reference, digest] = reference.split("@")
  if (digest === undefined) return reference
  const inspect = ["image", "inspect", "--format", "{{json .RepoDigests}}", tagged]
  const digests = await run("docker", inspect).catch(() => undefined)
  return digests === "[]" ? tagged : reference
}

/** Takes the pins of such images off in a copy of the sources. Gives the names of the images. */
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
