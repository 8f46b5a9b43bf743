/**
 * TLS to the server as the URL demands it: then nothing goes out in plain text, or to a stranger.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { type TlsOptions, TLSSocket } from "node:tls"
import { hasOpenssl, makeCertificates } from "./certificates.ts"
import { newDatabase, openDatabase } from "./open-database.ts"

if (!hasOpenssl) console.warn("There is no openssl on the PATH: TLS to PostgreSQL was NOT tried.")

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

interface Front {
  readonly url: URL
  /** What each connection was encrypted with, undefined for plain text. */
  readonly seen: Array<string | undefined>
  readonly clients: Array<string | undefined>
}

/** The database's server behind TLS, offered as PostgreSQL itself offers it. */
const withTls = (databaseUrl: string, tls: TlsOptions | undefined, direct = false) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const far = new URL(databaseUrl)
      const front: Front = { url: new URL(databaseUrl), seen: [], clients: [] }
      const forward = (near: Socket, first?: Buffer) => {
        const there = connect(Number(far.port), far.hostname)
        if (first) there.write(first)
        for (const [one, other] of [[near, there], [there, near]] as const) {
          one.pipe(other)
          one.on("error", () => other.destroy()).on("close", () => other.destroy())
        }
      }
      const encrypt = (near: Socket) => {
        const secure = new TLSSocket(near, {
          ...tls,
          isServer: true,
          ALPNProtocols: ["postgresql"],
        })
        secure.on("error", () => near.destroy())
        secure.once("secure", () => {
          front.seen.push(secure.getProtocol() ?? undefined)
          front.clients.push(secure.getPeerCertificate().subject?.CN as string | undefined)
          forward(secure)
        })
      }
      const server = createServer((near) => {
        near.on("error", () => {})
        if (direct) return encrypt(near)
        near.once("data", (first) => {
          if (!sslRequest.equals(first)) {
            front.seen.push(undefined)
            return forward(near, first)
          }
          near.write(tls ? "S" : "N")
          if (tls) return encrypt(near)
          near.once("data", (next) => {
            front.seen.push(undefined)
            forward(near, next)
          })
        })
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      front.url.port = String((server.address() as { port: number }).port)
      return { server, front }
    }),
    ({ server }) => Effect.sync(() => server.close()),
  ).pipe(Effect.map(({ front }) => front))

const setUp = (
  options: { readonly tls?: false; readonly direct?: true; readonly more?: TlsOptions } = {},
) =>
  Effect.gen(function* () {
    const { path, read } = yield* makeCertificates
    const tls = {
      cert: read("server.pem"),
      key: read("server.key"),
      ca: read("ca.pem"),
      ...options.more,
    }
    const front = yield* withTls(
      yield* newDatabase,
      options.tls === false ? undefined : tls,
      options.direct,
    )
    const open = (parameters: Readonly<Record<string, string>>, host = "127.0.0.1") =>
      Effect.scoped(Effect.gen(function* () {
        front.seen.length = 0
        const url = new URL(front.url)
        url.hostname = host
        for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
        const database = yield* openDatabase(url.href)
        yield* database.listen("news", () => {})
        yield* database.ping
        return new Set(front.seen)
      }))
    const refusal = (...of: Parameters<typeof open>) =>
      Effect.map(Effect.flip(open(...of)), ({ message }) => message)
    return { path, front, open, refusal }
  })

const encrypted = new Set(["TLSv1.3"])
const plain = new Set([undefined])

describe.skipIf(!hasOpenssl)("a connection", () => {
  it.live("is plain without sslmode, and encrypted with every one but disable", () =>
    Effect.gen(function* () {
      const { open } = yield* setUp()
      for (const sslmode of ["prefer", "require"]) {
        assert.deepStrictEqual(yield* open({ sslmode }), encrypted, sslmode)
      }
      assert.deepStrictEqual(yield* open({ ssl: "true" }), encrypted)
      assert.deepStrictEqual(yield* open({ sslmode: "disable" }), plain)
      assert.deepStrictEqual(yield* open({}), plain)
    }))

  it.live("is made only to a server whose private CA is named, if it is verified", () =>
    Effect.gen(function* () {
      const { path, open, refusal } = yield* setUp()
      const sslrootcert = path("ca.pem")
      for (const sslmode of ["require", "verify-full"]) {
        assert.deepStrictEqual(yield* open({ sslmode, sslrootcert }), encrypted, sslmode)
      }
      assert.deepStrictEqual(
        yield* open({ sslmode: "verify-full", sslrootcert }, "localhost"),
        encrypted,
      )
      for (const sslmode of ["verify-ca", "verify-full"]) {
        assert.match(
          yield* refusal({ sslmode }),
          /\((SELF_SIGNED|UNABLE_TO)\w+\)\. Check DATABASE_URL/,
        )
      }
      const other = { sslrootcert: (yield* makeCertificates).path("ca.pem") }
      for (const sslmode of ["require", "verify-ca", "verify-full"]) {
        assert.match(
          yield* refusal({ sslmode, ...other }),
          /\((CERT|SELF_SIGNED|UNABLE_TO)\w+\)/,
          sslmode,
        )
      }
      assert.match(yield* refusal({ sslrootcert: "system" }), /\((SELF_SIGNED|UNABLE_TO)\w+\)/)
    }))

  it.live("verifies the server's name only with verify-full", () =>
    Effect.gen(function* () {
      const { path, open, refusal } = yield* setUp()
      const sslrootcert = path("ca.pem")
      // An address of the same machine that the certificate does not have.
      const stranger = "127.1"
      assert.deepStrictEqual(
        yield* open({ sslmode: "verify-ca", sslrootcert }, stranger),
        encrypted,
      )
      assert.match(
        yield* refusal({ sslmode: "verify-full", sslrootcert }, stranger),
        /\(ERR_TLS_CERT_ALTNAME_INVALID\)/,
      )
    }))

  it.live("presents a certificate of its own if it has one", () =>
    Effect.gen(function* () {
      const { path, front, open } = yield* setUp({ more: { requestCert: true } })
      yield* open({ sslmode: "require", sslcert: path("client.pem"), sslkey: path("client.key") })
      assert.deepStrictEqual(new Set(front.clients), new Set(["client"]))
    }))

  it.live("begins with TLS if told to", () =>
    Effect.gen(function* () {
      const { open } = yield* setUp({ direct: true })
      assert.deepStrictEqual(
        yield* open({ sslmode: "require", sslnegotiation: "direct" }),
        encrypted,
      )
    }))

  it.live("to a server without TLS is plain if allowed, and else refused", () =>
    Effect.gen(function* () {
      const { front, open, refusal } = yield* setUp({ tls: false })
      for (const sslmode of ["allow", "prefer"]) {
        assert.deepStrictEqual(yield* open({ sslmode }), plain, sslmode)
      }
      for (const sslmode of ["require", "verify-ca", "verify-full"]) {
        assert.include(
          yield* refusal({ sslmode }),
          "the server has no TLS, but sslmode requires it",
        )
        assert.deepStrictEqual(front.seen, [], sslmode)
      }
    }))
})
