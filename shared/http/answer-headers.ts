/** Headers of every answer, for browsers and caches. */

/** No cache stores the answer, and no browser guesses another media type. */
export const answerHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const

/** For a year, browsers use only TLS for this host. RFC 6797 (7.2): not sent over plain HTTP. */
export const strictTransport = { name: "strict-transport-security", value: "max-age=31536000" }

/** Whether the proxy got the request over TLS: the last entry is that of our own proxy. */
export const cameByTls = (forwardedProto: string | null): boolean =>
  forwardedProto?.split(",").at(-1)?.trim().toLowerCase() === "https"

/** Whether the client's request came over TLS: by its URL, or as a trusted proxy says. */
export const isByTls = ({ url, headers }: Request, trustProxy: boolean): boolean =>
  url.startsWith("https:") || (trustProxy && cameByTls(headers.get("x-forwarded-proto")))
