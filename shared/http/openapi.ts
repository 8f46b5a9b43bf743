/**
 * The OpenAPI 3.1 document of a service, made from the very schemas that validate its requests: it cannot disagree with
 * them. Effect compiles the schemas; this file only lays them out.
 */
import { JsonSchema, Schema, SchemaRepresentation } from "effect"
import { ProblemDetails } from "./problem.ts"
import type { Route } from "./route.ts"

interface Described {
  readonly name: string
  readonly description: string
  readonly routes: ReadonlyArray<Route>
}

/** Compiles all schemas together, so that what they share becomes one component. */
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

const parameters = (where: "path" | "query", schema: JsonSchema.JsonSchema | undefined) => {
  const fields = (schema?.["properties"] ?? {}) as Record<string, JsonSchema.JsonSchema>
  const required = (schema?.["required"] ?? []) as ReadonlyArray<string>
  return Object.entries(fields).map(([name, field]) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    schema: field,
  }))
}

const statusesOf = (route: Route): ReadonlyArray<number> =>
  [
    ...new Set([
      ...(route.body || route.query || route.params ? [400] : []),
      ...(route.access.scheme ? [401] : []),
      ...(route.body ? [413, 415] : []),
      ...(route.problems ?? []),
      500,
      503,
    ]),
  ].sort((a, b) => a - b)

const security: Record<string, ReadonlyArray<Record<string, []>>> = {
  user: [{ user: [] }],
  service: [{ service: [] }],
}

export const openApiDocument = ({ name, description, routes }: Described) => {
  const schemas = routes.flatMap((r) => [r.body?.schema, r.query, r.params, r.answer.schema])
  const { components, schemaOf } = compile([
    ProblemDetails,
    ...schemas.filter((schema) => schema !== undefined),
  ])
  const json = (schema: Schema.Top) => ({ "application/json": { schema: schemaOf.get(schema) } })
  const problem = { "application/problem+json": { schema: schemaOf.get(ProblemDetails) } }
  const operation = (route: Route) => ({
    summary: route.summary,
    ...(route.internal && { tags: ["internal"] }),
    ...(route.access.scheme && { security: security[route.access.scheme] }),
    parameters: [
      ...parameters("path", route.params && schemaOf.get(route.params)),
      ...parameters("query", route.query && schemaOf.get(route.query)),
    ],
    ...(route.body && { requestBody: { required: true, content: json(route.body.schema) } }),
    responses: {
      [route.answer.status]: {
        description: route.answer.description,
        ...(route.answer.schema && { content: json(route.answer.schema) }),
      },
      ...Object.fromEntries(
        statusesOf(route).map((status) => [status, { description: "Problem", content: problem }]),
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
      },
    },
  }
}
