import { assert, describe, it } from "@effect/vitest"
import { clientAddress } from "#shared/http/client-address.ts"

const request = (forwarded?: string) =>
  new Request("http://auth.test/", {
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  })

describe("clientAddress", () => {
  it("is the socket's without a trusted proxy, whatever the request claims", () => {
    assert.strictEqual(clientAddress(request("1.2.3.4"), "10.0.0.1", false), "10.0.0.1")
  })

  it("is the last forwarded entry, which the proxy itself wrote", () => {
    assert.strictEqual(clientAddress(request("1.2.3.4"), "10.0.0.1", true), "1.2.3.4")
    assert.strictEqual(clientAddress(request("6.6.6.6, 1.2.3.4"), "10.0.0.1", true), "1.2.3.4")
  })

  it("is the socket's when the proxy forwards none, or something that is not an address", () => {
    for (
      const forwarded of [undefined, "", "unknown", "1.2.3.4, ", "1.2.3.4:80", "x".repeat(9999)]
    ) {
      assert.strictEqual(clientAddress(request(forwarded), "10.0.0.1", true), "10.0.0.1")
    }
  })

  it("is the same for all requests without an address", () => {
    assert.strictEqual(clientAddress(request(), undefined, true), "unknown")
  })

  it("is the /64 network of an IPv6 address", () => {
    const same = [
      "2001:db8:1:2::1",
      "2001:0DB8:1:2:ffff::",
      "2001:db8:1:2:3:4:5:6",
      "2001:db8:1:2::1%eth0",
    ]
    for (const address of same) {
      assert.strictEqual(clientAddress(request(), address, false), "2001:db8:1:2::/64")
    }
    assert.strictEqual(clientAddress(request(), "2001:db8:1:3::1", false), "2001:db8:1:3::/64")
    assert.strictEqual(clientAddress(request(), "::1", false), "0:0:0:0::/64")
  })

  it("is the IPv4 address that an IPv6 socket embeds", () => {
    assert.strictEqual(clientAddress(request(), "::ffff:10.0.0.1", false), "10.0.0.1")
  })
})
