/**
 * What an error of PostgreSQL, or of the connection to it, means to the caller: one row for each
 * class of SQLSTATE (PostgreSQL 18, Appendix A: its first two characters), one for each code that
 * differs from its class, and one for each code of the driver and of the system's sockets.
 */
import { Cause } from "effect"

export interface Meaning {
  /**
   * unavailable: not done; a retry may succeed. unknown: the answer never came, so it may have been
   * done. defect: a bug in the program.
   */
  readonly as: "unavailable" | "unknown" | "defect"
  /** Retrying does not help: a person has to correct something. */
  readonly lasting?: true
  /** It is the wrong server or session: all connections must be opened again. */
  readonly elsewhere?: true
}

const defect: Meaning = { as: "defect" }
const passes: Meaning = { as: "unavailable" }
const unknown: Meaning = { as: "unknown" }
const refused: Meaning = { as: "unavailable", lasting: true }
const elsewhere: Meaning = { as: "unavailable", elsewhere: true }

export const meanings: Readonly<Record<string, Meaning>> = {
  "03": defect, // SQL statement not yet complete
  "08": unknown, // connection exception; poolers report all errors as 08P01, protocol violation
  "08001": passes, // the connection could not be established
  "08004": passes, // the server rejected the connection
  "09": defect, // triggered action exception
  "0A": defect, // feature not supported
  "0B": defect, // invalid transaction initiation
  "0F": defect, // locator exception
  "0L": defect, // invalid grantor
  "0P": defect, // invalid role specification
  "0Z": defect, // diagnostics exception
  "10": defect, // XQuery error
  "20": defect, // case not found
  "21": defect, // cardinality violation
  "22": defect, // data exception
  "23": defect, // integrity constraint violation
  "24": defect, // invalid cursor state
  "25": defect, // invalid transaction state
  "25006": elsewhere, // read-only: a standby, or a server that was made read-only
  "25P03": passes, // the session sat idle in its transaction
  "25P04": passes, // the transaction took too long
  "26": elsewhere, // the prepared statement is not in this session
  "27": defect, // triggered data change violation
  "28": refused, // invalid authorization: password, role, pg_hba.conf
  "2B": defect, // dependent privilege descriptors still exist
  "2D": defect, // invalid transaction termination
  "2F": defect, // SQL routine exception
  "34": defect, // invalid cursor name
  "38": defect, // external routine exception
  "39": defect, // external routine invocation exception
  "3B": defect, // savepoint exception
  "3D": refused, // no such database
  "3F": refused, // no such schema
  "40": passes, // transaction rollback: lost conflicts, deadlocks
  "40002": defect, // the transaction violated a constraint
  "40003": unknown, // whether the statement was completed is not known
  "42": defect, // syntax error or access rule violation
  "42501": refused, // the role lacks a privilege
  "42P05": elsewhere, // the prepared statement is in this session already
  "44": defect, // WITH CHECK OPTION violation
  "53": passes, // insufficient resources: disk, memory, connections
  "54": defect, // program limit exceeded
  "55": defect, // object not in prerequisite state
  "55P03": passes, // waited too long for a lock
  "57": passes, // operator intervention: shutdown, start, a statement that was cancelled
  "57P02": unknown, // another session crashed the server
  "57P04": refused, // the database was dropped
  "58": passes, // the system below PostgreSQL failed
  "72": passes, // snapshot too old
  "F0": defect, // configuration file error
  "HV": defect, // foreign data wrapper error
  "P0": defect, // PL/pgSQL error
  "XX": defect, // internal error

  CONNECT_TIMEOUT: passes,
  CONNECTION_ENDED: passes,
  CONNECTION_CLOSED: unknown,
  CONNECTION_DESTROYED: unknown,
  EAI_AGAIN: passes,
  EAI_FAIL: passes,
  ECONNABORTED: unknown,
  ECONNREFUSED: passes,
  ECONNRESET: unknown,
  EHOSTDOWN: unknown,
  EHOSTUNREACH: unknown,
  EMFILE: passes,
  ENETDOWN: unknown,
  ENETRESET: unknown,
  ENETUNREACH: unknown,
  ENFILE: passes,
  ENOBUFS: unknown,
  ENOENT: passes, // the Unix socket is not there yet
  ENOTCONN: unknown,
  ENOTFOUND: passes,
  EPIPE: unknown,
  ETIMEDOUT: unknown,
}

/** Nothing was sent yet: the server could not be reached, or it refused the connection. */
export class NotOpened extends Error {
  readonly code: string
  readonly severity: string | undefined

  constructor(cause: unknown) {
    super((cause as Error).message, { cause })
    this.code = codeOf(cause)
    this.severity = severityOf(cause)
  }
}

export const codeOf = (error: unknown): string =>
  String((error as { code?: unknown } | null)?.code ?? "")

/**
 * The severity by the server, or by a pooler in front of it; undefined for errors of the driver or
 * the system.
 */
export const severityOf = (error: unknown): string | undefined => {
  // Poolers omit `severity`, the untranslated one.
  const { severity, severity_local } = error as { severity?: string; severity_local?: string }
  return severity ?? severity_local
}

const rowOf = (code: string) => Object.hasOwn(meanings, code) ? meanings[code] : undefined

export const meaningOf = (error: unknown): Meaning => {
  if (Cause.isTimeoutError(error)) return unknown
  const code = codeOf(error)
  const known = rowOf(code) ?? (/^[0-9A-Z]{5}$/.test(code) ? rowOf(code.slice(0, 2)) : undefined)
  if (!(error instanceof NotOpened)) return known ?? defect
  // Nothing was done. A cause that is not known to pass, such as an untrusted certificate, is
  // lasting.
  if (known === undefined || known.as === "defect") return refused
  return { ...known, as: "unavailable" }
}

/**
 * The message for clients while the service runs: the code, and nothing that only operators should
 * know.
 */
export const briefly = (error: unknown): string => {
  const { as, elsewhere } = meaningOf(error)
  const code = codeOf(error)
  if (as === "unknown") return `The database did not answer (${code || "timeout"})`
  const ours = elsewhere && severityOf(error) === undefined ? `: ${textOf(error)}` : ""
  return `The database cannot be used now (${code})${ours}`
}

/**
 * The message for the person who starts the service: one line, in the server's own words if there
 * are any.
 */
export const inFull = (error: unknown): string => {
  const { as, lasting } = meaningOf(error)
  const code = codeOf(error)
  if (as === "defect" || lasting) return code === "" ? textOf(error) : `${textOf(error)} (${code})`
  return severityOf(error) === undefined ? briefly(error) : `${briefly(error)}: ${textOf(error)}`
}

const textOf = (error: unknown) => (error as Error).message.replace(/\s+/g, " ").trim()
