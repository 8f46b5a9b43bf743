/**
 * The path of a program that a test needs and a machine may lack; Debian keeps some where only root
 * looks.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"

export const programOnPath = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"]
    .map((folder) => join(folder, name)).find(existsSync)
