/**
 * The files of the console's page, made of its sources in page/: bundled, named by their content, and compressed once. An
 * image has them made when it is built (page-build.ts); elsewhere they are made in memory when the first one is asked for.
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

/** By their names. Only `shell` may change its content: the others have it in their names. */
export type PageFiles = Readonly<Record<string, PageFile>>

/** What every path of the page is answered with. */
export const shell = "console.html"

const sources = join(import.meta.dirname!, "page")
/** Where an image has them. */
export const builtFile = join(import.meta.dirname!, "page.json")

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  html: "text/html; charset=utf-8",
}

/** Those that were made before, or else made now. */
export const pageFiles = async (): Promise<PageFiles> => {
  const built = await readFile(builtFile, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
  return built === undefined ? await makePageFiles() : fromKept(built)
}

/** The files as a text. */
export const kept = (files: PageFiles): string =>
  JSON.stringify(files, (_, value) => value instanceof Uint8Array ? toBase64(value) : value)

/** The files that `kept` made a text of. */
export const fromKept = (text: string): PageFiles => JSON.parse(text, fromBase64)

const toBase64 = (bytes: Uint8Array) => ({
  base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"),
})
const fromBase64 = (_: string, value: unknown) =>
  typeof value === "object" && value !== null && "base64" in value
    ? new Uint8Array(Buffer.from(String(value.base64), "base64"))
    : value

/** Makes them. Fails with what is wrong in the sources. */
export const makePageFiles = async (): Promise<PageFiles> => {
  // What makes the page is no part of what ships.
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

// Arrays of no other class than this: a Buffer would tell JSON itself how it is kept.
const compressed = async (name: string, contents: Uint8Array): Promise<PageFile> => ({
  type: types[name.split(".").at(-1)!]!,
  identity: new Uint8Array(contents),
  br: new Uint8Array(await promisify(brotliCompress)(contents)),
  gzip: new Uint8Array(await promisify(gzip)(contents, { level: 9 })),
})

/** Nothing in it is run or styled but what the files hold, so that the strictest policy lets all of it in. */
const page = (names: ReadonlyArray<string>): string => {
  const path = (stem: string) =>
    `/console/files/${names.find((name) => name.startsWith(`${stem}-`))}`
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="description" content="Unwind: a shop that explains a saga, and what its operators see and do">
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
