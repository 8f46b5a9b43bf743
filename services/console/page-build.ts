/** Makes the page's files where an image is built, so that what makes them need not be in it. */
import { writeFile } from "node:fs/promises"
import { builtFile, kept, makePageFiles } from "./page-files.ts"

await writeFile(builtFile, kept(await makePageFiles()))
