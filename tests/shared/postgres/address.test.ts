/**
 * One URL says where a database is and how to connect to it. Everything in it is honoured, or
 * refused by name.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as fc from "fast-check"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { connect, createServer, type ListenOptions } from "node:net"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { addressOf } from "#shared/postgres/address.ts"
import { newDatabase, onlooker, openDatabase, temporaryFolder } from "./open-database.ts"

const read = (url: string) => Result.getOrThrow(addressOf(new URL(url)))

const problems = (url: string): ReadonlyArray<string> => {
  const result = addressOf(new URL(url))
  return Result.isFailure(result) ? result.failure : []
}

/** Another way to the database's server. */
const wayTo = (database: string, at: ListenOptions) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { hostname, port } = new URL(database)
      const server = createServer((near) => {
        const there = connect(Number(port), hostname)
        for (const [one, other] of [[near, there], [there, near]] as const) {
          one.pipe(other)
          one.on("error", () => other.destroy()).on("close", () => other.destroy())
        }
      }).listen(at)
      await once(server, "listening")
      const address = server.address()
      return { server, port: typeof address === "object" ? address?.port : undefined }
    }),
    ({ server }) => Effect.sync(() => server.close()),
  )

/** Whether statements, and notifications on their own connection, work. */
const worksAt = (url: string) =>
  Effect.scoped(Effect.gen(function* () {
    const database = yield* openDatabase(url)
    yield* database.ping
    yield* database.listen("news", () => {})
  }))

const hasIpv6 = Object.values(networkInterfaces()).flat().some((it) => it?.address === "::1")
if (!hasIpv6) console.warn("There is no ::1 on this machine: the way over IPv6 was NOT tried.")

describe("a database's URL", () => {
  it.live.skipIf(!hasIpv6)(
    "may have an IPv6 address, for statements and notifications alike",
    () =>
      Effect.gen(function* () {
        const url = new URL(yield* newDatabase)
        const { port } = yield* wayTo(url.href, { port: 0, host: "::1" })
        url.host = `[::1]:${port}`
        yield* worksAt(url.href)
      }),
  )

  it.live.skipIf(process.platform === "win32")(
    "may name the folder of a Unix socket, in both spellings",
    () =>
      Effect.gen(function* () {
        const url = new URL(yield* newDatabase)
        const folder = yield* temporaryFolder
        yield* wayTo(url.href, { path: join(folder, ".s.PGSQL.5432") })
        const { username, password, pathname } = url
        const user = `${username}:${password}`
        yield* worksAt(`postgres://${user}@localhost${pathname}?host=${folder}`)
        yield* worksAt(`postgres://${user}@${encodeURIComponent(folder)}${pathname}`)
      }),
  )

  it.live("may have any character in its user, its password and its database", () =>
    Effect.gen(function* () {
      const url = new URL(yield* newDatabase)
      const sql = yield* onlooker(url.href)
      const name = `a@b:c/d?e#f%g &+'é${randomUUID().slice(0, 8)}`
      const quoted = `"${name}"`
      const literal = `'${name.replaceAll("'", "''")}'`
      yield* Effect.acquireRelease(
        Effect.promise(() =>
          sql.unsafe(`create role ${quoted} login password ${literal}`)
            .then(() => sql.unsafe(`create database ${quoted} owner ${quoted}`))
        ),
        () =>
          Effect.promise(() =>
            sql.unsafe(`drop database ${quoted} with (force)`)
              .then(() => sql.unsafe(`drop role ${quoted}`))
          ),
      )
      const part = encodeURIComponent(name)
      yield* worksAt(`postgres://${part}:${part}@${url.host}/${part}`)
    }))

  it("means exactly what was encoded into it", () => {
    const text = fc.string({ unit: "binary", minLength: 1 }).filter((it) => !/\0|\p{Cs}/u.test(it))
    fc.assert(fc.property(text, text, text, (user, password, database) => {
      const parts = [user, password, database].map(encodeURIComponent)
      // A path of dots resolves to another one, by the rules of URLs.
      fc.pre(!/^\.\.?$/.test(database))
      const address = read(`postgres://${parts[0]}:${parts[1]}@db/${parts[2]}`)
      assert.deepStrictEqual([address.user, address.password, address.database], [
        user,
        password,
        database,
      ])
    }))
  })

  it("may have what libpq reads, also as parameters", () => {
    const address = read(
      "postgresql://db?user=ada&password=p%26w&dbname=shop&port=6543&connect_timeout=9" +
        "&fallback_application_name=till&gssencmode=prefer&channel_binding=prefer" +
        "&target_session_attrs=read-write&client_encoding=UTF8&sslcompression=0&options=endpoint%3Dshop-1",
    )
    assert.deepStrictEqual(address, {
      host: "db",
      port: 6543,
      path: undefined,
      user: "ada",
      password: "p&w",
      database: "shop",
      tls: undefined,
      connectTimeoutMs: 9000,
      startupOptions: "endpoint=shop-1",
      settings: new Map([["application_name", "till"]]),
    })
    assert.strictEqual(read("postgres:///shop").host, "localhost")
  })

  it("leaves everything else to the environment and the driver", () => {
    const { user, password, database } = read("postgres://db")
    assert.deepStrictEqual([user, password, database], [undefined, undefined, undefined])
  })

  const refused: Readonly<Record<string, RegExp>> = {
    "?channel_binding=require": /^channel_binding=require: .* sslmode=verify-full$/,
    "?target_session_attrs=standby": /^target_session_attrs=standby: .*: remove it$/,
    "?gssencmode=require": /^gssencmode=require: .*verify-full/,
    "?client_encoding=latin1": /^client_encoding=latin1: texts are UTF-8: remove it$/,
    "?options=-c%20client_encoding%3Dlatin1":
      /^client_encoding is set by the service itself: remove it$/,
    "?options=-c%20DateStyle%3DGerman": /^datestyle is set by the service itself: remove it$/,
    "?options=--default-transaction-isolation=serializable":
      /^default_transaction_isolation is set by/,
    "?TimeZone=Asia/Kathmandu": /^timezone is set by the service itself: remove it$/,
    "?enable_seqscan=on": /^enable_seqscan is set by the service itself: remove it$/,
    "?sslmode=on": /^sslmode=on: use one of disable, allow/,
    "?ssl=1": /^ssl: use sslmode instead$/,
    "?sslnegotiation=maybe&sslmode=require": /^sslnegotiation=maybe: use postgres or direct$/,
    "?sslmode=require&sslrootcert=system":
      /^sslmode=require with sslrootcert=system: use sslmode=verify-full$/,
    "?sslmode=verify-full&sslrootcert=/no/ca.pem":
      /^sslrootcert, sslcert and sslkey are files: ENOENT.*ca\.pem/,
    "?connect_timeout=soon": /^connect_timeout is not a time: use whole seconds/,
    "?connect_timeout=0": /^connect_timeout is not a time: use whole seconds/,
    "?port=70000": /^port is not a TCP port/,
    "?host=a,b": /^it names several hosts: name the one address of the primary$/,
  }
  for (const [query, expected] of Object.entries(refused)) {
    it(`is refused by name for ${query}`, () => {
      const [first, ...more] = problems(`postgres://ada:pw@db/shop${query}`)
      assert.match(first!, expected)
      assert.deepStrictEqual(more, [])
    })
  }

  it.live("is refused for all its mistakes at once, before anything connects", () =>
    Effect.gen(function* () {
      const url =
        "postgres://ada:s3%cret@127.0.0.1:1/shop?sslmode=on&timezone=x&channel_binding=require"
      const { message } = yield* Effect.flip(openDatabase(url))
      assert.match(
        message,
        /^test cannot use its database shop at 127\.0\.0\.1:1: in DATABASE_URL, /,
      )
      for (
        const name of ["write it as %25", "sslmode=on", "timezone is", "channel_binding=require"]
      ) {
        assert.include(message, name)
      }
      assert.notInclude(message, "cret@")
      assert.notInclude(message, "\n")
    }))
})
