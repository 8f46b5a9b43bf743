/**
 * Bodies that no endpoint accepts, whatever its schema. Sent to any route that takes a JSON object,
 * each gets a problem of one of the given statuses, and the answer repeats nothing of the body:
 * `marker` stands where a password might.
 */
import { assert } from "@effect/vitest"
import { gzipSync } from "node:zlib"
import type { App } from "#shared/http/doors.ts"

export const marker = "s3cret-marker"

export interface BadBody {
  readonly name: string
  readonly body?: BodyInit
  readonly headers?: Readonly<Record<string, string>>
  readonly statuses: ReadonlyArray<number>
}

const json = (name: string, body: BodyInit): BadBody => ({ name, body, statuses: [400] })

const ofType = (type: string): BadBody => ({
  name: `the type ${type}`,
  body: JSON.stringify({ secret: marker }),
  headers: { "content-type": type },
  statuses: [415],
})

/** Chunks without a declared length. */
export const inChunks = (chunk: string, count: number): ReadableStream<Uint8Array> => {
  let sent = 0
  return new ReadableStream({
    pull: (controller) =>
      sent++ < count ? controller.enqueue(new TextEncoder().encode(chunk)) : controller.close(),
  })
}

const deep = (open: string, close: string) => `${open.repeat(5_000)}1${close.repeat(5_000)}`

/**
 * For a route that accepts bodies of up to `maxBytes`. It accepts `text`, with any word in place of
 * TEXT.
 */
export const badBodies = (text: string, maxBytes: number): ReadonlyArray<BadBody> => {
  const withValue = (value: string) =>
    `{${Object.keys(JSON.parse(text)).map((field) => `"${field}":${value}`).join(",")}}`
  const withText = (word: string) => text.replace("TEXT", word)
  const withKey = (key: string) => `{"${key}":{"secret":"${marker}"},${text.slice(1)}`
  return [
    { name: "none", statuses: [400] },
    { name: "none, without a type", headers: { "content-type": "" }, statuses: [415] },
    json("nothing but spaces", " \n"),
    ...[`["${marker}"]`, "[]", "1", `"${marker}"`, "null", "true", "NaN", "{}", "[{}]"].map((
      body,
    ) => json(body, body)),
    json("JSON that breaks off", `{"secret":"${marker}"`),
    json("JSON that goes on", `${text}{"secret":"${marker}"}`),
    json("single quotes", `{'secret':'${marker}'}`),
    json("a comment", `${text} // ${marker}`),
    ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "", " ", "a.b"].map(
      (key) => json(`the key "${key}"`, withKey(key)),
    ),
    json("arrays in arrays", deep("[", "]")),
    json("arrays in arrays in each field", withValue(deep("[", "]").slice(4_000, -4_000))),
    json("objects in objects", deep('{"":', "}").slice(4_000 * 4, -4_000)),
    ...["1e309", "-1e309", "9007199254740993", "1e-400", "-0", "0.1", "123456789012345678901"].map(
      (number) => json(`the number ${number}`, withValue(number)),
    ),
    json("half of a surrogate pair", withText(`${marker}\\ud83d`)),
    json("the other half", withText(`\\ude00${marker}`)),
    json("NUL", withText(`${marker}\\u0000`)),
    json("U+FFFD, which stands for what was not UTF-8", withText(`${marker}\uFFFD`)),
    json("U+FFFD by its escape", withText(`${marker}\\ufffd`)),
    json("a raw control character", withText(`${marker}\u0001`)),
    json("bytes that are not UTF-8", Buffer.from(withText(`${marker}\xe9`), "latin1")),
    json("UTF-16", Buffer.from(text, "utf16le")),
    {
      name: "gzip",
      body: gzipSync(text),
      headers: { "content-encoding": "gzip" },
      statuses: [400, 415],
    },
    {
      name: "too much",
      body: `{"secret":"${marker.repeat(maxBytes / marker.length)}"}`,
      statuses: [413],
    },
    {
      name: "too much, by its declared length",
      body: text,
      headers: { "content-length": String(maxBytes + 1) },
      statuses: [413],
    },
    {
      name: "too much, in chunks without a length",
      body: inChunks(" ".repeat(1024), Math.ceil(maxBytes / 1024) + 1),
      statuses: [413],
    },
    ...["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json"].map(
      ofType,
    ),
    ...["application/jsonp", "application/json-seq", "application/x-ndjson", "json", "*/*"].map(
      ofType,
    ),
  ]
}

/** Sends the body, and checks the answer. */
export const assertRefused = async (
  app: App,
  path: string,
  { name, body, headers, statuses }: BadBody,
  credentials: Readonly<Record<string, string>> = {},
): Promise<void> => {
  const response = await app.request(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...credentials, ...headers },
    ...(body !== undefined && { body, duplex: "half" }),
  } as RequestInit)
  const answer = await response.text()
  assert.include(statuses, response.status, `${name}: ${answer}`)
  assert.strictEqual(response.headers.get("content-type"), "application/problem+json", name)
  assert.notInclude(answer, marker, name)
  assert.isBelow(answer.length, 10_000, name)
  const problem = JSON.parse(answer)
  assert.strictEqual(problem.status, response.status)
  for (const field of ["type", "title", "detail", "code", "requestId"]) {
    assert.isString(problem[field], `${name}: ${field}`)
  }
}
