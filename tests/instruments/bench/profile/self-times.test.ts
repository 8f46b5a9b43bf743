import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { expect, it } from "vitest"
import { root } from "../stand/program.ts"
import { selfTimes } from "./self-times.ts"

const frame = (functionName: string, url: string, lineNumber: number) => ({
  callFrame: { functionName, url, lineNumber },
})
const inProject = (path: string) => pathToFileURL(join(root, path)).href

it("adds up the self times of each function, and leaves out the profile's own start", () => {
  const times = selfTimes({
    nodes: [
      { id: 1, ...frame("work", inProject("shared/work.ts"), 9) },
      { id: 2, ...frame("", inProject("node_modules/effect/dist/a.js"), 0) },
      { id: 3, ...frame("(idle)", "", -1) },
      { id: 4, ...frame("(garbage collector)", "", -1) },
      { id: 5, ...frame("post", "node:inspector", 114) },
      { id: 6, ...frame("work", inProject("shared/work.ts"), 9) },
    ],
    samples: [5, 1, 2, 3, 6, 4],
    timeDeltas: [1000, 10, 20, 500, 30, 5],
  })
  expect(times).toMatchObject({ busyMicros: 65, idleMicros: 500, gcMicros: 5 })
  expect(times.functions.slice(0, 2)).toEqual([
    { name: "work", place: "shared/work.ts:10", micros: 40 },
    { name: "(anonymous)", place: "effect/dist/a.js:1", micros: 20 },
  ])
})
