/** What the headers of every answer say to browsers and caches. */

/** No cache keeps it, and no browser takes it for another type than it says. */
export const answerHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const

/** For a year no browser asks this host but by TLS. RFC 6797 (7.2): over plain HTTP it must not be said. */
export const strictTransport = { name: "strict-transport-security", value: "max-age=31536000" }

/** Whether a proxy says that the request came to it by TLS: the last word is that of our own. */
export const cameByTls = (forwardedProto: string | null): boolean =>
  forwardedProto?.split(",").at(-1)?.trim().toLowerCase() === "https"

/** Whether the client's request came over TLS: by its URL, or as a proxy that is trusted says. */
export const isByTls = ({ url, headers }: Request, trustProxy: boolean): boolean =>
  url.startsWith("https:") || (trustProxy && cameByTls(headers.get("x-forwarded-proto")))
