/**
 * The API's documentation as pages: Swagger UI over the OpenAPI documents of the public services,
 * without any outside host, and the catalogue of problems.
 */
import { Hono } from "hono"
import { secureHeaders } from "hono/secure-headers"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { answerHeaders } from "./answer-headers.ts"
import { problemPage } from "./problem-page.ts"

const folder = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"))

const files: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css",
  "swagger-ui-bundle.js": "text/javascript",
  "swagger-ui-standalone-preset.js": "text/javascript",
  "favicon-32x32.png": "image/png",
}

const page = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Unwind API</title>
  <link rel="icon" href="/docs/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <div id="ui"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/swagger-ui-standalone-preset.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>`

/**
 * A token that is entered on the page is gone with it: Swagger UI stores none unless it is told to.
 */
const start = (services: ReadonlyArray<string>) =>
  `SwaggerUIBundle({
  dom_id: "#ui",
  urls: ${JSON.stringify(services.map((name) => ({ name, url: `/openapi/${name}.json` })))},
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
})
// Earlier versions of this page stored tokens here.
localStorage.removeItem("authorized")`

/** Reads a file when it is first requested; all answers share the content. */
const readOnce = (path: string): () => Promise<Uint8Array<ArrayBuffer>> => {
  let content: Promise<Uint8Array<ArrayBuffer>> | undefined
  return () =>
    content ??= readFile(path).catch((error) => {
      content = undefined
      throw error
    })
}

/** Redirects the front page to the documentation. */
export const toDocs = (): Response =>
  new Response(null, { status: 302, headers: { location: "/docs", ...answerHeaders } })

/** The page and its files, below /docs; the front page redirects there. */
export const docsApp = (services: ReadonlyArray<string>): Hono => {
  const app = new Hono({ strict: false })
  app.use(
    "/docs/*",
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
      },
      xFrameOptions: "DENY",
      // Set by the server, which knows whether the request came over TLS.
      strictTransportSecurity: false,
    }),
  )
  app.get("/", () => toDocs())
  app.get("/docs", (context) => context.html(page))
  app.get("/docs/problems", (context) => context.html(problemPage))
  app.get(
    "/docs/start.js",
    (context) => context.body(start(services), 200, { "content-type": "text/javascript" }),
  )
  // A route for each file: next to a fixed path of the same depth, a parameter makes Hono search
  // all routes.
  for (const [name, type] of Object.entries(files)) {
    const content = readOnce(join(folder, name))
    const headers = { "content-type": type, "cache-control": "max-age=86400" }
    app.get(`/docs/${name}`, async (context) => context.body(await content(), 200, headers))
  }
  return app
}
