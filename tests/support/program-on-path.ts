/**
 * Where a program is that a test needs and a machine need not have; Debian keeps some of them where
 * only root looks.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"

export const programOnPath = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"]
    .map((folder) => join(folder, name)).find(existsSync)
