/**
 * The format of log entries, for every output: time, level, service, a text message, and fields.
 * Collectors get JSON, people a line.
 */
import { Context, Logger, Tracer } from "effect"
import { styleText } from "node:util"
import { CurrentRequest } from "#shared/http/request-origin.ts"
import { traceIdOf } from "./trace.ts"

type LogEntry = Logger.Options<unknown>

const isFields = (part: unknown): part is object => typeof part === "object" && part !== null

/**
 * A log entry as an object: first `time`, `level`, `service`, `message` (always a text) and, if
 * known, `orderId`, `traceId` and `requestId`; then all other logged values as fields of the entry
 * itself, and the cause.
 */
export const logRecord = (entry: LogEntry): Readonly<Record<string, unknown>> => {
  const { message, annotations, level, timestamp, cause } = Logger.formatStructured.log(entry)
  const parts = Array.isArray(message) ? message : [message]
  const given: Readonly<Record<string, unknown>> = {
    ...annotations,
    ...Object.assign({}, ...parts.filter(isFields)),
  }
  const request = entry.fiber.getRef(CurrentRequest)
  const span = Context.getOrUndefined(entry.fiber.context, Tracer.ParentSpan)
  const record = {
    time: timestamp,
    level,
    service: given["service"],
    message: parts.filter((part) => !isFields(part)).join(" "),
    orderId: given["orderId"],
    traceId: given["traceId"] ?? span?.traceId ??
      traceIdOf(request?.request.headers.get("traceparent")),
    requestId: given["requestId"] ?? request?.requestId,
  }
  const all = { ...record, ...given, ...record, ...(cause !== undefined && { cause }) }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const colours = {
  DEBUG: "gray",
  INFO: "green",
  WARN: "yellow",
  ERROR: "red",
} as const satisfies Readonly<Record<string, Parameters<typeof styleText>[0]>>

const coloured = (level: string): string =>
  styleText(colours[level as keyof typeof colours] ?? "reset", level.padEnd(5))

const shown = (value: unknown): string =>
  typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)

/**
 * A log record as a line for a person: the time of day (UTC) without the date, and only the cause
 * below it.
 */
export const logLine = (record: ReturnType<typeof logRecord>): string => {
  const { time, level, service, message, cause, ...fields } = record
  const about = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`)
  const below = cause === undefined ? "" : `\n  ${String(cause).replaceAll("\n", "\n  ")}`
  const whose = service === undefined ? "" : `${service}: `
  return `${String(time).slice(11, -1)} ${coloured(String(level))} ${whose}${message}${
    about.join("")
  }${below}`
}
