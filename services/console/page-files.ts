/**
 * The files of the console's page, built from its sources in page/: bundled, named by their content
 * hash, and compressed once. An image contains them (page-build.ts); elsewhere they are built in
 * memory at the first request.
 */
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { brotliCompress, gzip } from "node:zlib"

/** A file as it is served, in each coding. */
export interface PageFile extends Readonly<Record<Coding, Uint8Array<ArrayBuffer>>> {
  readonly type: string
}

/** The codings (RFC 9110), smallest first. */
export const codings = ["br", "gzip", "identity"] as const
export type Coding = (typeof codings)[number]

/**
 * By name. Only the content of `shell` can change: the other names contain a hash of the content.
 */
export type PageFiles = Readonly<Record<string, PageFile>>

/** The answer to every path of the page. */
export const shell = "console.html"

const sources = join(import.meta.dirname!, "page")
/** Where an image keeps the files. */
export const builtFile = join(import.meta.dirname!, "page.json")

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  html: "text/html; charset=utf-8",
}

/** The files that the image contains; without them, built now. */
export const pageFiles = async (): Promise<PageFiles> => {
  const built = await readFile(builtFile, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
  return built === undefined ? await makePageFiles() : fromKept(built)
}

/** The files as JSON. */
export const kept = (files: PageFiles): string =>
  JSON.stringify(files, (_, value) => value instanceof Uint8Array ? toBase64(value) : value)

/** The inverse of `kept`. */
export const fromKept = (text: string): PageFiles => JSON.parse(text, fromBase64)

const toBase64 = (bytes: Uint8Array) => ({
  base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
})
const fromBase64 = (_: string, value: unknown) =>
  typeof value === "object" && value !== null && "base64" in value
    ? new Uint8Array(Buffer.from(String(value.base64), "base64"))
    : value

/** Builds the files. Fails with the errors in the sources. */
export const makePageFiles = async (): Promise<PageFiles> => {
  // Imported here, since the image does not contain the bundler.
  const { build, stop } = await import("esbuild")
  const made = await build({
    entryPoints: { app: join(sources, "main.tsx"), style: join(sources, "style/style.css") },
    outdir: "/",
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
  }).finally(stop)
  const bundled = made.outputFiles.map(({ path, contents }) => named(path, contents))
  const icon = named("icon.svg", await readFile(join(sources, "icon.svg")))
  const files = [...bundled, icon]
  const html = Buffer.from(page(files.map(([name]) => name)))
  return Object.fromEntries(
    await Promise.all(
      [...files, [shell, html] as const].map(async ([name, contents]) =>
        [name, await compressed(name, contents)] as const
      ),
    ),
  )
}

const named = (path: string, contents: Uint8Array): readonly [string, Uint8Array] => {
  const [stem, extension] = path.split("/").at(-1)!.split(".")
  const hash = createHash("sha256").update(contents).digest("base64url").slice(0, 12)
  return [`${stem}-${hash}.${extension}`, contents]
}

// Plain Uint8Arrays, since a Buffer has its own JSON form.
const compressed = async (name: string, contents: Uint8Array): Promise<PageFile> => ({
  type: types[name.split(".").at(-1)!]!,
  identity: new Uint8Array(contents),
  br: new Uint8Array(await promisify(brotliCompress)(contents)),
  gzip: new Uint8Array(await promisify(gzip)(contents, { level: 9 })),
})

/**
 * The shell. It has no inline script or style, so it works under the strictest Content Security
 * Policy.
 */
const page = (names: ReadonlyArray<string>): string => {
  const path = (stem: string) =>
    `/console/files/${names.find((name) => name.startsWith(`${stem}-`))}`
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="description" content="Unwind: a shop that explains sagas, and its operators' console">
  <title>Unwind</title>
  <link rel="icon" href="${path("icon")}" type="image/svg+xml">
  <link rel="stylesheet" href="${path("style")}">
  <script type="module" src="${path("app")}" blocking="render"></script>
</head>
<body>
  <div id="page"></div>
  <noscript>This page needs JavaScript. <a href="/docs">The API</a> does not.</noscript>
</body>
</html>
`
}
