/**
 * The participant in Python: it says what it needs, keeps the protocol, and survives what a network
 * does to it.
 */
import { generateKeyPair, importJWK, type JWK } from "jose"
import { execFile } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import createClient from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { firstIdAt } from "#shared/contracts/order.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { until } from "#tests/support/customer.ts"
import { freePort } from "#tests/support/free-port.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import {
  participantFile,
  type PythonParticipant,
  pythonParticipant,
  runPython,
  whyNoPython,
} from "#tests/support/python-participant.ts"
import { waitingForLocks } from "#tests/support/waiting-for-locks.ts"
import { badTokens, type Good, signer } from "../../shared/security/bad-tokens.ts"

const root = join(import.meta.dirname, "../../..")

it("the participant in Python is an example of fewer than 250 lines", () => {
  expect(readFileSync(participantFile, "utf8").split("\n").length).toBeLessThan(250)
})

describe.skipIf(whyNoPython !== undefined)(
  `the participant in Python${whyNoPython === undefined ? "" : ` (skipped: ${whyNoPython})`}`,
  () => {
    const cleanups: Array<() => unknown> = []
    let keys: ReturnType<typeof keyFiles>
    let databaseUrl: string
    let courier: PythonParticipant
    beforeAll(async () => {
      const folder = mkdtempSync(join(tmpdir(), "unwind-python-"))
      cleanups.push(() => rmSync(folder, { recursive: true }))
      await generateServiceKeys(folder)
      keys = keyFiles(folder)
      const database = await createDatabase("courier")
      cleanups.push(database.drop)
      databaseUrl = database.url
      const { publicKeys } = keys
      courier = pythonParticipant(await freePort(), { databaseUrl, publicKeys })
      cleanups.push(() => courier.end("SIGKILL"))
      await courier.start()
    })
    afterAll(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
    })

    const goodFrom = async (
      service: "orchestrator" | "console",
      secondsAhead = 0,
    ): Promise<Good> => {
      const jwk = JSON.parse(readFileSync(keys.privateKey(service), "utf8")) as JWK
      const nowSeconds = Math.floor(Date.now() / 1000) + secondsAhead
      return {
        header: { alg: "EdDSA", kid: service, typ: "svc+jwt" },
        claims: { iss: service, aud: "courier", iat: nowSeconds, exp: nowSeconds + 30 },
        privateKey: await importJWK(jwk, "EdDSA") as CryptoKey,
        strangersKey: (await generateKeyPair("EdDSA", { crv: "Ed25519" })).privateKey,
        x: jwk.x!,
        nowSeconds,
        longestSeconds: 30,
        otherType: "at+jwt",
      }
    }
    const tokenFrom = async (service: "orchestrator" | "console") => {
      const { privateKey, header, claims } = await goodFrom(service)
      return await signer(privateKey).json(header, claims)
    }
    const newOrder = () => firstIdAt(Date.now()).slice(0, 14) + `7${randomUUID().slice(15)}`
    const reserve = async (orderId: string, resource: string, token?: string) => {
      const response = await fetch(`${courier.url}/internal/reservations`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${token ?? await tokenFrom("orchestrator")}`,
        },
        body: JSON.stringify({
          commands: [{ orderId, action: "reserve", resource, quantity: 1 }],
        }),
      })
      const body = await response.json() as {
        readonly code?: string
        readonly outcomes?: ReadonlyArray<{ readonly outcome: string }>
      }
      return `${response.status} ${body.code ?? body.outcomes?.[0]?.outcome}`
    }

    it("names all missing and invalid settings at once, in one line", () => {
      const { code, errors } = runPython({ RETENTION: "soon", PORT: "x" })
      expect(errors.trim().split("\n")).toHaveLength(1)
      for (const name of ["RETENTION is wrong", "PORT is wrong", "DATABASE_URL is missing"]) {
        expect(errors).toContain(`${name}: set it to`)
      }
      expect(errors).toContain("SERVICE_PUBLIC_KEYS is missing: set it to")
      expect(code).toBe(1)
    })

    it.each([
      // Without its site, a Python has no packages.
      [
        "no psycopg",
        ["-S", participantFile],
        /^\S+ cannot load psycopg 3 \(No module named 'psycopg'\)\. Install it \(apt install python3-psycopg\), and run/,
      ],
      [
        "an old Python",
        [
          "-c",
          `import sys; sys.version_info = (3, 10); sys.path[0] = "${
            dirname(participantFile)
          }"; import participant`,
        ],
        /^\S+ is Python [\d.]+\. Run this with Python 3\.11 or newer\.$/,
      ],
    ])("names the remedy in one line where there is %s", (_, words, remedy) => {
      const { code, errors } = runPython({}, words)
      expect(errors.trim()).toMatch(remedy)
      expect(errors.trim().split("\n")).toHaveLength(1)
      expect(code).toBe(1)
    })

    it("keeps the whole protocol, also when it is killed and restarted", async () => {
      // The command that kills it must be a program: it asks this process, which holds the
      // participant.
      const restarter = createServer((_, response) => {
        courier.end("SIGKILL").then(courier.start).then(
          () => response.writeHead(204).end(),
          () => response.writeHead(500).end(),
        )
      }).listen(0, "127.0.0.1")
      cleanups.push(() => restarter.close())
      await once(restarter, "listening")
      const url = `http://127.0.0.1:${(restarter.address() as AddressInfo).port}`
      const node = join(root, "node_modules/.bin/node")
      const program = `fetch("${url}").then(({ ok }) => process.exit(ok ? 0 : 1))`
      const kit: { readonly stdout: string } = await promisify(execFile)(node, [
        "tests/instruments/conformance/main.ts",
        ...["--url", courier.url, "--resource", "1", "--name", "courier"],
        ...["--key", keys.privateKey("orchestrator")],
        ...["--restart", `'${node}' -e '${program}'`],
      ], { cwd: root }).catch((error) => error)
      expect(kit.stdout).toMatch(/^[1-9]\d* kept, 0 broken, 0 not tried/m)
    })

    it("accepts its caller's own token, and none that is almost valid", async () => {
      const wrong = await badTokens(await goodFrom("orchestrator"))
      const later = await badTokens(await goodFrom("orchestrator", 60))
      // During the test, tokens that are a second too early become valid.
      const early = Object.entries(later).filter(([name]) => /ahead$|future$/.test(name))
      expect(early).toHaveLength(2)
      const answers = new Map<string, Array<string>>()
      for (const [name, token] of Object.entries({ ...wrong, ...Object.fromEntries(early) })) {
        const answer = await reserve(newOrder(), "2", token)
        answers.set(answer, [...answers.get(answer) ?? [], name])
      }
      // A header that does not fit into a line is refused without being read.
      expect(answers.get("431 invalid_request")).toEqual(["100 kB"])
      expect([...answers.keys()].sort()).toEqual(["401 unauthenticated", "431 invalid_request"])
      expect(await reserve(newOrder(), "2", await tokenFrom("console"))).toBe("403 forbidden")
      expect(await reserve(newOrder(), "2")).toBe("200 reserved")
    })

    it("recovers after its database was away, and applies each command once", async () => {
      const admin = createClient(databaseUrl.replace(/[^/]+$/, "postgres"), { max: 1 })
      const sql = createClient(databaseUrl, { max: 1 })
      const name = decodeURIComponent(new URL(databaseUrl).pathname.slice(1))
      const cut = () =>
        admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`
      const allow = (yes: boolean) =>
        admin.unsafe(`alter database "${name}" allow_connections ${yes}`)
      try {
        const [before] = await sql`select capacity from districts where district = '3'`
        await sql.end()
        await allow(false)
        await cut()
        expect(await reserve(newOrder(), "3")).toBe("503 service_unavailable")
        const ready = await fetch(`${courier.url}/readyz`)
        expect([ready.status, await ready.json()]).toMatchObject([503, { status: "not ready" }])
        expect((await fetch(`${courier.url}/livez`)).status).toBe(200)
        await allow(true)
        const orderId = newOrder()
        const answers = Array.from({ length: 50 }, () => reserve(orderId, "3"))
        await cut()
        for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^(200 r|503 )/)
        expect(await reserve(orderId, "3")).toBe("200 reserved")
        const after = createClient(databaseUrl, { max: 1 })
        const [left] = await after`select capacity from districts where district = '3'`
        await after.end()
        expect(Number(left!["capacity"])).toBe(Number(before!["capacity"]) - 1)
      } finally {
        await allow(true)
        await admin.end()
      }
    })

    it("cuts off clients that send too slowly, and answers others meanwhile", async () => {
      const { hostname, port } = new URL(courier.url)
      const cutOff = ["GET /livez HTTP/1.1\r\n", "GET /livez"].map(async (beginning) => {
        const socket = connect(Number(port), hostname)
        socket.on("error", () => {})
        socket.write(beginning)
        const more = setInterval(() => socket.write("X"), 500)
        await once(socket.resume(), "close")
        clearInterval(more)
      })
      expect((await fetch(`${courier.url}/livez`)).status).toBe(200)
      await Promise.all(cutOff)
    })

    it("finishes a request when it is told to stop", async () => {
      const sql = createClient(databaseUrl, { max: 2 })
      let release = () => {}
      let isHeld = () => {}
      const held = new Promise<void>((resolve) => isHeld = resolve)
      const holding = sql.begin(async (transaction) => {
        await transaction`select from districts where district = '4' for update`
        isHeld()
        await new Promise<void>((resolve) => release = resolve)
      })
      await held
      const answer = reserve(newOrder(), "4")
      await until(
        "the request waits for the district",
        patienceMs,
        async () => await waitingForLocks(sql) > 0,
      )
      const ended = courier.end("SIGTERM")
      const { hostname, port } = new URL(courier.url)
      const isOpen = () =>
        new Promise<boolean>((resolve) => {
          const socket = connect(Number(port), hostname, () => resolve(true))
          socket.on("error", () => resolve(false)).on("connect", () => socket.destroy())
        })
      await until("it is closed", patienceMs, async () => !await isOpen())
      release()
      await holding
      await sql.end()
      expect(await answer).toBe("200 reserved")
      expect(await ended).toBe(0)
    })
  },
)
