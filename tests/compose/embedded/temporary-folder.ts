/** A folder for one test, removed when its scope closes. */
import { Effect } from "effect"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"

export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "unwind-test-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true })),
)
