/**
 * The console's page, below /console. Each of its paths is answered with the same shell, which knows by its files' names which
 * version it needs; those are kept by browsers for ever. Nothing is loaded from any other host.
 */
import { Hono } from "hono"
import { secureHeaders } from "hono/secure-headers"
import { answerHeaders } from "#shared/http/answer-headers.ts"
import type { App } from "#shared/http/app.ts"
import { noSuchPath } from "#shared/http/no-route.ts"
import { problemResponse } from "#shared/http/problem.ts"
import { requestIdOf } from "#shared/http/request-origin.ts"
import {
  type Coding,
  codings,
  type PageFile,
  type PageFiles,
  pageFiles,
  shell,
} from "./page-files.ts"

/** Makes them for the first who asks; when that fails, for the next. */
const madeOnce = (make: () => Promise<PageFiles>): () => Promise<PageFiles> => {
  let made: Promise<PageFiles> | undefined
  return () =>
    made ??= make().catch((error) => {
      made = undefined
      throw error
    })
}

/** The page over its files. */
export const pageApp = (make: () => Promise<PageFiles> = pageFiles): App => {
  const files = madeOnce(make)
  const app: App = new Hono({ strict: false })
  app.use(
    "/console/*",
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
      },
      xFrameOptions: "DENY",
      // The server knows whether it came by TLS.
      strictTransportSecurity: false,
    }),
  )
  app.get("/console/files/:name", async ({ req }) => {
    const { [req.param("name")]: file } = await files()
    return file === undefined
      // What an earlier version of the page has named.
      ? problemResponse(noSuchPath(req.path), requestIdOf(req.raw))
      : answer(file, codingFor(req.raw), "public, max-age=31536000, immutable")
  })
  for (const path of ["/console", "/console/*"]) {
    app.get(
      path,
      async ({ req }) => answer((await files())[shell]!, codingFor(req.raw), "no-store"),
    )
  }
  return app
}

/** The smallest that the client takes. */
const codingFor = ({ headers }: Request): Coding => {
  const taken = (headers.get("accept-encoding") ?? "").split(",").map((part) => {
    const [name = "", q = "1"] = part.split(/;\s*q=/)
    return Number(q) > 0 ? name.trim() : ""
  })
  return codings.find((coding) => taken.includes(coding)) ?? "identity"
}

const answer = (file: PageFile, coding: Coding, cacheControl: string): Response =>
  new Response(file[coding], {
    headers: {
      ...answerHeaders,
      "cache-control": cacheControl,
      "content-type": file.type,
      vary: "accept-encoding",
      ...(coding !== "identity" && { "content-encoding": coding }),
    },
  })
