/**
 * What each error means to the caller and to its connection: one from each row of the table, raised
 * by a real server.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Option, Schema } from "effect"
import { briefly, inFull, meaningOf, meanings, NotOpened } from "#shared/postgres/sqlstates.ts"
import { newDatabase, openDatabase } from "./open-database.ts"

/** The rows of the table, with codes that belong to each. */
const rows: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<string>>>>> = {
  Unavailable: {
    "08001": ["08001"],
    "08004": ["08004"],
    "25006": ["25006"],
    "25P03": ["25P03"],
    "25P04": ["25P04"],
    "26": ["26000"],
    "28": ["28000", "28P01"],
    "3D": ["3D000"],
    "3F": ["3F000"],
    "40": ["40000", "40001", "40P01"],
    "42501": ["42501"],
    "42P05": ["42P05"],
    "53": ["53000", "53100", "53200", "53300", "53400"],
    "55P03": ["55P03"],
    "57": ["57000", "57014", "57P01", "57P03", "57P05"],
    "57P04": ["57P04"],
    "58": ["58000", "58030", "58P01"],
    "72": ["72000"],
  },
  OutcomeUnknown: {
    "08": ["08000", "08003", "08006", "08007", "08P01"],
    "40003": ["40003"],
    "57P02": ["57P02"],
  },
  defect: {
    "03": ["03000"],
    "09": ["09000"],
    "0A": ["0A000"],
    "0B": ["0B000"],
    "0F": ["0F000"],
    "0L": ["0L000"],
    "0P": ["0P000"],
    "0Z": ["0Z000"],
    "10": ["10608"],
    "20": ["20000"],
    "21": ["21000"],
    "22": ["22001", "22012", "22P02", "22021"],
    "23": ["23502", "23503", "23505", "23514"],
    "24": ["24000"],
    "25": ["25000", "25001", "25P01", "25P02"],
    "27": ["27000"],
    "2B": ["2B000"],
    "2D": ["2D000"],
    "2F": ["2F000"],
    "34": ["34000"],
    "38": ["38000"],
    "39": ["39000"],
    "3B": ["3B000"],
    "40002": ["40002"],
    "42": ["42601", "42P01", "42703", "42704"],
    "44": ["44000"],
    "54": ["54000", "54023"],
    "55": ["55000", "55006"],
    "F0": ["F0000"],
    "HV": ["HV000"],
    "P0": ["P0001"],
    "XX": ["XX000", "XX001"],
  },
}

/** Codes after which no open connection is used any more. */
const elsewhere = ["25006", "26000", "42P05"]

/** Codes of the driver and the system, while a statement is out. */
const sockets: Readonly<Record<string, ReadonlyArray<string>>> = {
  unavailable: [
    ...["CONNECT_TIMEOUT", "CONNECTION_ENDED", "EAI_AGAIN", "EAI_FAIL", "ECONNREFUSED", "EMFILE"],
    ...["ENFILE", "ENOENT", "ENOTFOUND"],
  ],
  unknown: [
    ...["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "ECONNABORTED", "ECONNRESET", "EHOSTDOWN"],
    ...["EHOSTUNREACH", "ENETDOWN", "ENETRESET", "ENETUNREACH", "ENOBUFS", "ENOTCONN", "EPIPE"],
    "ETIMEDOUT",
  ],
}

const withCode = (code: string) => Object.assign(new Error("planted"), { code })

const Pid = Schema.Struct({ pid: Schema.Int })

const endOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>) =>
  Exit.isSuccess(exit)
    ? "ok"
    : Option.getOrUndefined(Cause.findErrorOption(exit.cause))?._tag ?? "defect"

describe("an error of the server", () => {
  for (const [end, ofEnd] of Object.entries(rows)) {
    it.live(`is ${end} for each of the rows that say so`, () =>
      Effect.gen(function* () {
        const database = yield* openDatabase(yield* newDatabase, { poolSize: 1 })
        const session = Effect.map(
          database.query((sql) => sql.row(Pid)`select pg_backend_pid() as pid`),
          (row) => row!.pid,
        )
        for (const [row, codes] of Object.entries(ofEnd)) {
          assert.property(meanings, row)
          for (const code of codes) {
            const before = yield* session
            const exit = yield* Effect.exit(database.query((sql) =>
              sql.script(
                `do $$ begin raise exception 'planted' using errcode = '${code}'; end $$`,
              )
            ))
            assert.strictEqual(endOf(exit), end, code)
            assert.strictEqual((yield* session) !== before, elsewhere.includes(code), code)
          }
        }
      }))
  }

  it("is looked up in a table whose every row is tested", () => {
    const tried = [...Object.values(rows).flatMap(Object.keys), ...Object.values(sockets).flat()]
    assert.deepStrictEqual(tried.toSorted(), Object.keys(meanings).toSorted())
  })

  it("without a row is a defect", () => {
    for (const code of ["ZZ000", "", "toString", "ERR_INVALID_ARG_TYPE"]) {
      assert.deepStrictEqual(meaningOf(withCode(code)), { as: "defect" })
    }
    for (const error of [null, undefined, "text", new Error("no code")]) {
      assert.deepStrictEqual(meaningOf(error), { as: "defect" })
    }
  })
})

describe("an error of a connection", () => {
  for (const [as, codes] of Object.entries(sockets)) {
    it(`leaves a statement ${as} for each of the rows that say so`, () => {
      for (const code of codes) assert.strictEqual(meaningOf(withCode(code)).as, as, code)
    })
  }

  it("that could not be opened leaves no outcome unknown, and is no defect", () => {
    for (const row of Object.keys(meanings)) {
      const code = row.length === 2 ? `${row}000` : row
      assert.strictEqual(meaningOf(new NotOpened(withCode(code))).as, "unavailable", code)
    }
  })

  it("is temporary only if the table says so", () => {
    for (const code of ["CERT_HAS_EXPIRED", "28P01", "42704", "XX000"]) {
      assert.isTrue(meaningOf(new NotOpened(withCode(code))).lasting, code)
      assert.strictEqual(inFull(new NotOpened(withCode(code))), `planted (${code})`)
    }
    for (const code of ["ECONNREFUSED", "57P03", "53300", "08P01", "CONNECTION_CLOSED"]) {
      assert.isUndefined(meaningOf(new NotOpened(withCode(code))).lasting, code)
    }
  })

  it("is reported in the server's own words at the start, but not to clients", () => {
    const code = "ECONNREFUSED"
    assert.strictEqual(
      inFull(new NotOpened(withCode(code))),
      "The database cannot be used now (ECONNREFUSED)",
    )
    for (const said of [{ severity: "FATAL" }, { severity_local: "FATAL" }]) {
      const refused = Object.assign(new Error("no\nmore"), { code: "08P01", ...said })
      assert.strictEqual(
        inFull(new NotOpened(refused)),
        "The database cannot be used now (08P01): no more",
      )
      assert.strictEqual(
        briefly(new NotOpened(refused)),
        "The database cannot be used now (08P01)",
      )
    }
  })
})
