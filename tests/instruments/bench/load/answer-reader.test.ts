import { expect, it } from "vitest"
import { answerReader } from "./answer-reader.ts"

const known = 'HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{"id":"\u00e91"}'
const chunked = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

it.each([1, 7, 1000])("reads answers in pieces of %i bytes", (size) => {
  const statuses: Array<number> = []
  const read = answerReader((status) => statuses.push(status))
  for (const answer of [known, chunked, known]) {
    const bytes = Buffer.from(answer)
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size))
  }
  expect(statuses).toEqual([201, 503, 201])
})
