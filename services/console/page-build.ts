/** Builds the page's files into an image, so that the image does not need the bundler. */
import { writeFile } from "node:fs/promises"
import { builtFile, kept, makePageFiles } from "./page-files.ts"

await writeFile(builtFile, kept(await makePageFiles()))
