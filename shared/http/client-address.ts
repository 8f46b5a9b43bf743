/**
 * Which address a request counts against. An IPv6 client can have a whole /64 network of addresses, so the network
 * counts as one; without any address all such requests count as one client, which is strict but never open.
 */
import { isIP } from "node:net"

/** The client's address or network: the proxy's word when it is trusted, the socket's otherwise. */
export const clientAddress = (
  request: Request,
  socketAddress: string | undefined,
  trustProxy: boolean,
): string => {
  // The last entry is what our own proxy saw; all before it is what the client claims.
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

/** The network that a site is given as a whole: an IPv6 /48 (RFC 6177), of an address as clientAddress gives it. */
export const siteOf = (address: string): string =>
  address.endsWith("::/64") ? `${address.split(":").slice(0, 3).join(":")}::/48` : address
