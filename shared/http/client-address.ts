/**
 * The address that limits count a request against. An IPv6 client may own a whole /64 network, so
 * the network counts as one. All requests without an address count as one client, which is strict
 * but never open.
 */
import { isIP } from "node:net"

/** The client's address or network: as a trusted proxy says, else of the socket. */
export const clientAddress = (
  request: Request,
  socketAddress: string | undefined,
  trustProxy: boolean,
): string => {
  // The last entry comes from our own proxy; the client can invent all others.
  const forwarded = request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? ""
  const address = trustProxy && isIP(forwarded) !== 0 ? forwarded : socketAddress
  return address === undefined ? "unknown" : network(address)
}

const network = (address: string): string => {
  const embedded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (embedded !== undefined) return embedded
  if (isIP(address) !== 6) return address
  const [head = "", tail = ""] = address.split("%")[0]!.split("::")
  const before = head.split(":").filter(Boolean)
  const after = tail.split(":").filter(Boolean)
  const zeros = Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0")
  const groups = [...before, ...zeros, ...after].slice(0, 4)
  return `${groups.map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`
}

/** The network of a whole site: the IPv6 /48 (RFC 6177) of a result of `clientAddress`. */
export const siteOf = (address: string): string =>
  address.endsWith("::/64") ? `${address.split(":").slice(0, 3).join(":")}::/48` : address
