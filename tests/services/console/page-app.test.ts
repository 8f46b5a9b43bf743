/** How the page is served: its size, its policy, its caching, and the copy of it in an image. */
import { createHash } from "node:crypto"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { beforeAll, describe, expect, it } from "vitest"
import { pageApp } from "#services/console/page-app.ts"
import { fromKept, kept, makePageFiles, type PageFiles } from "#services/console/page-files.ts"

let files: PageFiles
beforeAll(async () => {
  files = await makePageFiles()
})

const app = () => pageApp(() => Promise.resolve(files))
const get = (path: string, encoding?: string) =>
  app().request(path, encoding === undefined ? {} : { headers: { "accept-encoding": encoding } })

const named = (stem: string) => Object.keys(files).find((name) => name.startsWith(`${stem}-`))!

describe("the console's page", () => {
  it("is smaller than 150 kB in total in each compression", () => {
    for (const coding of ["br", "gzip"] as const) {
      const bytes = Object.values(files).map((file) => file[coding].length)
      expect(bytes.reduce((sum, n) => sum + n, 0)).toBeLessThan(150_000)
    }
  })

  it("answers every path with an uncached shell without inline script or style", async () => {
    for (const path of ["/console", "/console/", "/console/orders/one", "/console/nothing"]) {
      const response = await get(path)
      expect([path, response.status]).toEqual([path, 200])
      expect(response.headers.get("cache-control")).toBe("no-store")
      const html = await response.text()
      expect(html).toContain(`src="/console/files/${named("app")}"`)
      expect(html).toContain(`href="/console/files/${named("style")}"`)
      expect(html).not.toMatch(/<style|style=|<script(?![^>]* src=)|\son\w+=|\w+:\/\//)
    }
  })

  it("allows nothing from other hosts and nothing inline by its policy", async () => {
    const { headers } = await get("/console")
    const policy = headers.get("content-security-policy") ?? ""
    expect(policy).toMatch(/^default-src 'none'; /)
    expect(policy).not.toMatch(/unsafe|data:|https?:|\*/)
    for (const rule of ["script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
      expect(policy).toContain(rule)
    }
    expect(headers.get("referrer-policy")).toBe("no-referrer")
  })

  it("names files by their content, so that browsers cache them for ever", async () => {
    for (const [name, { identity }] of Object.entries(files)) {
      if (name === "console.html") continue
      const hash = createHash("sha256").update(identity).digest("base64url").slice(0, 12)
      expect(name).toMatch(new RegExp(`^\\w+-${hash}\\.\\w+$`))
      const { headers, status } = await get(`/console/files/${name}`)
      expect(status).toBe(200)
      expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable")
      expect(headers.get("x-content-type-options")).toBe("nosniff")
    }
  })

  it("sends the smallest coding that the client accepts, and names it", async () => {
    const path = `/console/files/${named("app")}`
    const { identity } = files[named("app")]!
    const plain = Buffer.from(identity)
    const cases = [
      ["gzip, deflate, br, zstd", "br", brotliDecompressSync],
      ["br;q=0, gzip;q=0.5", "gzip", gunzipSync],
      ["zstd", null, (bytes: Buffer) => bytes],
      [undefined, null, (bytes: Buffer) => bytes],
    ] as const
    for (const [accepted, coding, decode] of cases) {
      const response = await get(path, accepted)
      expect([accepted, response.headers.get("content-encoding")]).toEqual([accepted, coding])
      expect(response.headers.get("vary")).toBe("accept-encoding")
      expect(decode(Buffer.from(await response.arrayBuffer())).equals(plain)).toBe(true)
    }
  })

  it("answers a file of an earlier version with a problem that is not cached", async () => {
    const response = await get("/console/files/app-000000000000.js")
    expect(response.status).toBe(404)
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(await response.json()).toMatchObject({ code: "not_found" })
  })

  it("is built again at the next request after a failed build", async () => {
    let tries = 0
    const app = pageApp(() =>
      tries++ === 0 ? Promise.reject(new Error("the build fails")) : Promise.resolve(files)
    )
    app.onError((_, context) => context.text("", 500))
    expect((await app.request("/console")).status).toBe(500)
    expect((await app.request("/console")).status).toBe(200)
    expect((await app.request("/console")).status).toBe(200)
    expect(tries).toBe(2)
  })

  it("is the same after a round trip through an image's file", () => {
    expect(fromKept(kept(files))).toEqual(files)
  })
})
