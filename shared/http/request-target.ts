/**
 * Refuses paths with dot segments before they are resolved: a proxy that decides by such a path may
 * see another one than the service that resolves it. Encoded forms count, too, since some proxies
 * decode them.
 */
import { Problem } from "./problem.ts"

/**
 * RFC 3986 (5.2.4) leaves dot segments to the sender. Some implementations take backslashes and
 * encoded slashes for separators.
 */
const separators = /[/\\]|%2f|%5c/i
const dots = /^(?:\.|%2e){1,2}$/i

/** Whether the path of a request's target, as it was sent, has a "." or ".." segment. */
export const hasDotSegment = (target: string): boolean => {
  // This alone clears nearly all paths.
  if (!target.includes(".") && !target.includes("%")) return false
  const [path = ""] = target.split(/[?#]/, 1)
  return path.split(separators).some((segment) => dots.test(segment))
}

/** The problem of a path that has dot segments. */
export const dotSegments = new Problem({
  status: 400,
  code: "invalid_path",
  detail: 'The path has a "." or ".." segment. Send it without them.',
})
