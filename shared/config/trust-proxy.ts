/**
 * Whether the headers of the proxy in front are trusted. A client that reaches the port directly
 * could forge them.
 */
import { flag } from "./settings.ts"

export const trustProxySetting = {
  TRUST_PROXY: flag(
    "whether the last X-Forwarded-For entry is the client's address, and the last X-Forwarded-Proto says " +
      "whether it came by TLS (both set by your own proxy)",
    false,
  ),
}
