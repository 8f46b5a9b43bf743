/**
 * The OpenAPI 3.1 document of a service, made from the schemas that validate its requests, so the
 * two cannot disagree. Effect compiles the schemas; this file arranges them.
 */
import { JsonSchema, Schema, SchemaRepresentation } from "effect"
import { ProblemDetails } from "./problem.ts"
import type { Route } from "./route.ts"

interface Described {
  readonly name: string
  readonly description: string
  readonly routes: ReadonlyArray<Route>
}

/** Compiles all schemas together, so that shared parts become one component. */
const compile = (schemas: ReadonlyArray<Schema.Top>) => {
  const [first = Schema.toCodecJson(ProblemDetails), ...rest] = schemas.map((s) =>
    Schema.toCodecJson(s)
  )
  const document = JsonSchema.toMultiDocumentOpenApi3_1(
    SchemaRepresentation.toJsonSchemaMultiDocument(
      SchemaRepresentation.toRepresentations([first.ast, ...rest.map((s) => s.ast)]),
      { onExcessProperty: "error" },
    ),
  )
  const schemaOf = new Map(schemas.map((schema, n) => [schema, document.schemas[n]]))
  return { components: document.definitions, schemaOf }
}

const parameters = (
  where: "path" | "query" | "header",
  schema: JsonSchema.JsonSchema | undefined,
) => {
  const fields = (schema?.["properties"] ?? {}) as Record<string, JsonSchema.JsonSchema>
  const required = (schema?.["required"] ?? []) as ReadonlyArray<string>
  return Object.entries(fields).map(([name, { description, examples, ...field }]) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    ...(description !== undefined && { description }),
    ...(Array.isArray(examples) && { example: examples[0] }),
    schema: field,
  }))
}

const requestId = {
  "X-Request-Id": "The id to quote about this request: the client's own X-Request-Id, or a new one",
}

/** The headers of a problem, by its status. */
const problemHeaders: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { "WWW-Authenticate": "The authentication scheme to use" },
  429: { "Retry-After": "The seconds to wait before a retry" },
  503: { "Retry-After": "The seconds to wait before a retry" },
}

const headers = (told: Readonly<Record<string, string>> | undefined) =>
  Object.fromEntries(
    Object.entries({ ...told, ...requestId }).map(([name, description]) => [name, {
      description,
      schema: { type: "string" },
    }]),
  )

const statusesOf = (route: Route): ReadonlyArray<number> =>
  [
    ...new Set([
      ...(route.body || route.query || route.params ? [400] : []),
      ...(route.access.scheme ? [401] : []),
      ...(route.access.roles ? [403] : []),
      ...(route.body ? [413, 415] : []),
      ...(route.problems ?? []),
      500,
      503,
    ]),
  ].sort((a, b) => a - b)

/** OpenAPI 3.1: a scheme lists the roles that it requires; the role of a service is its name. */
const securityOf = ({ access: { scheme, roles = [] } }: Route) => {
  if (scheme === null) return {}
  return {
    security: [scheme === "operator" ? { service: roles, operator: [] } : { [scheme]: roles }],
  }
}

/** Describes a successful answer. */
const answered = (
  { answer }: Route,
  schemaOf: ReadonlyMap<Schema.Top, JsonSchema.JsonSchema | undefined>,
) => ({
  description: answer.description,
  headers: headers(answer.headers),
  ...(answer.schema &&
    { content: { "application/json": { schema: schemaOf.get(answer.schema) } } }),
  ...(answer.type && { content: { [answer.type]: { schema: { type: "string" } } } }),
})

export const openApiDocument = ({ name, description, routes }: Described) => {
  const schemas = routes.flatMap((
    r,
  ) => [r.body?.schema, r.query, r.params, r.headers, r.answer.schema])
  const { components, schemaOf } = compile([
    ProblemDetails,
    ...schemas.filter((schema) => schema !== undefined),
  ])
  const problem = { "application/problem+json": { schema: schemaOf.get(ProblemDetails) } }
  const requestBody = ({ schema, example }: NonNullable<Route["body"]>) => ({
    required: true,
    content: {
      "application/json": {
        schema: schemaOf.get(schema),
        ...(example !== undefined && { example }),
      },
    },
  })
  const tagOf = (route: Route) => route.internal ? "internal" : route.tag
  const operation = (route: Route) => ({
    summary: route.summary,
    ...(tagOf(route) !== undefined && { tags: [tagOf(route)] }),
    ...securityOf(route),
    parameters: [
      ...parameters("path", route.params && schemaOf.get(route.params)),
      ...parameters("query", route.query && schemaOf.get(route.query)),
      ...parameters("header", route.headers && schemaOf.get(route.headers)),
    ],
    ...(route.body && { requestBody: requestBody(route.body) }),
    responses: {
      [route.answer.status]: answered(route, schemaOf),
      ...(route.answer.nothing !== undefined &&
        { 204: { description: route.answer.nothing, headers: headers(undefined) } }),
      ...Object.fromEntries(
        statusesOf(route).map((status) => [status, {
          description: "Problem",
          headers: headers(problemHeaders[status]),
          content: problem,
        }]),
      ),
    },
  })
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}")
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  const bearer = (description: string) => ({
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description,
  })
  return {
    openapi: "3.1.0",
    info: { title: `Unwind ${name}`, version: "1", description },
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        user: bearer("A user's access token, from POST /api/token/"),
        service: bearer("A token that a service signed for this service"),
        operator: {
          type: "apiKey",
          in: "header",
          name: "Operator-Authorization",
          description:
            "Bearer, and the access token of the operator on whose behalf the console asks",
        },
      },
    },
  }
}
