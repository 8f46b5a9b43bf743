/**
 * The participant protocol as an OpenAPI document, made from a running participant's description of
 * its own routes.
 */
import type { RunningParticipant } from "#tests/shared/reservations/running-participant.ts"
import { Effect } from "effect"

type Json = Readonly<Record<string, unknown>>
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null

interface Operation {
  readonly security?: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>
  readonly requestBody?: unknown
  readonly responses: unknown
}

/** The paragraph of the page that describes a path. */
const paragraphOf = (path: string, method: string): string => {
  if (path === "/internal/reservations") return method === "post" ? "the-request" : "audit"
  if (path === "/internal/books") return "audit"
  return path.startsWith("/internal/forg") ? "retention" : "operators"
}

const isForOperators = ({ security = [] }: Operation): boolean =>
  security.some(({ service }) => service?.includes("console"))

/**
 * The names of the components that a part of the document refers to, and those that these refer to.
 */
const referredTo = (part: unknown, schemas: Json, found = new Set<string>()): Set<string> => {
  if (!isJson(part)) return found
  const name = typeof part["$ref"] === "string" ? part["$ref"].split("/").at(-1)! : undefined
  if (name !== undefined && !found.has(name)) {
    found.add(name)
    referredTo(schemas[name], schemas, found)
  }
  for (const inner of Object.values(part)) referredTo(inner, schemas, found)
  return found
}

/** The same schema for a reader of answers, who ignores unknown fields. */
const open = (part: unknown): unknown => {
  if (Array.isArray(part)) return part.map(open)
  if (!isJson(part)) return part
  return Object.fromEntries(
    Object.entries(part)
      .filter(([name, value]) => !(name === "additionalProperties" && value === false))
      .map(([name, value]) => [name, open(value)]),
  )
}

const health = (summary: string, states: ReadonlyArray<string>, hasChecks: boolean) => {
  const schema = {
    type: "object",
    properties: {
      status: { type: "string", enum: states },
      service: { type: "string" },
      ...(hasChecks && { checks: { type: "object", additionalProperties: { type: "string" } } }),
    },
    required: ["status", "service"],
  }
  const content = { "application/json": { schema } }
  return {
    get: {
      summary,
      externalDocs: { url: "protocol.md#health" },
      responses: {
        200: { description: "It is", content },
        ...(hasChecks && { 503: { description: "It is not, and why", content } }),
      },
    },
  }
}

/** Reads a running participant's routes, and arranges them as the protocol. */
export const protocolDocument = ({ call }: Pick<RunningParticipant, "call">) =>
  Effect.map(call("/openapi.json"), ({ body }) => {
    const { openapi, components } = body
    const paths = body.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>
    const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
    const schemas = components.schemas as Json
    const asked = referredTo(operations.map(({ requestBody }) => requestBody), schemas)
    return {
      openapi,
      info: {
        title: "The participant protocol",
        version: "1",
        description: "What a participant of the order saga answers: protocol.md, which counts " +
          "where the two differ. What is marked x-optional need not be there.",
      },
      paths: {
        ...Object.fromEntries(
          Object.entries(paths).map(([path, methods]) => [
            path,
            Object.fromEntries(
              Object.entries(methods).map(([method, operation]) => [method, {
                ...operation,
                tags: [isForOperators(operation) ? "operators" : "orchestrator"],
                externalDocs: { url: `protocol.md#${paragraphOf(path, method)}` },
                ...(isForOperators(operation) && { "x-optional": true }),
                responses: open(operation.responses),
              }]),
            ),
          ]),
        ),
        "/livez": health("Whether the process runs", ["alive"], false),
        "/readyz": health("Whether it can take requests", ["ready", "not ready", "stopping"], true),
      },
      components: {
        schemas: Object.fromEntries(
          Object.entries(schemas).map(([name, schema]) => [
            name,
            asked.has(name) ? schema : open(schema),
          ]),
        ),
        securitySchemes: {
          service: components.securitySchemes.service,
          operator: components.securitySchemes.operator,
        },
      },
    }
  })
