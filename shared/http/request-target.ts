/**
 * What a request may ask for. A path with dot segments means one thing to whoever decides by it which service may be
 * asked, and another one to the service that resolves it; so it is refused before it is resolved. Encoded forms too: some
 * proxies decode them.
 */
import { Problem } from "./problem.ts"

/** RFC 3986 (5.2.4) lets the sender resolve them; backslashes and encoded slashes separate for some who do. */
const separators = /[/\\]|%2f|%5c/i
const dots = /^(?:\.|%2e){1,2}$/i

/** Whether the path of a request's target, as it was sent, has a "." or ".." for a segment. */
export const hasDotSegment = (target: string): boolean => {
  // Nearly all paths are cleared by this alone.
  if (!target.includes(".") && !target.includes("%")) return false
  const [path = ""] = target.split(/[?#]/, 1)
  return path.split(separators).some((segment) => dots.test(segment))
}

/** The problem of a path that has dot segments. */
export const dotSegments = new Problem({
  status: 400,
  code: "invalid_path",
  detail: 'The path has a "." or ".." for a segment. Send it without them.',
})
