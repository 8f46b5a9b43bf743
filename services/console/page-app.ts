/**
 * The console's page, below /console. Every path is answered with the same shell (HTML). It names
 * its files by their content hash, so browsers cache those for ever. Nothing is loaded from another
 * host.
 */
import { Hono } from "hono"
import { secureHeaders } from "hono/secure-headers"
import { answerHeaders } from "#shared/http/answer-headers.ts"
import type { App } from "#shared/http/doors.ts"
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

/** Makes the files at the first request. After a failure, the next request tries again. */
const madeOnce = (make: () => Promise<PageFiles>): () => Promise<PageFiles> => {
  let made: Promise<PageFiles> | undefined
  return () =>
    made ??= make().catch((error) => {
      made = undefined
      throw error
    })
}

/** The app that serves the page's files. */
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
      // Left to the server, which knows whether TLS is used.
      strictTransportSecurity: false,
    }),
  )
  app.get("/console/files/:name", async ({ req }) => {
    const { [req.param("name")]: file } = await files()
    return file === undefined
      // An earlier version of the page asks for it.
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

/** The smallest coding that the client accepts. */
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
