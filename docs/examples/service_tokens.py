"""
Verifies the tokens that services sign for each other (docs/protocol.md, "Authentication") with Python's standard library
alone. The library has no Ed25519, so this file implements it after RFC 8032 (sections 5.1 and 6): in pure Python a signature
takes about 5 ms to verify. A caller uses a token for half a minute, so verified tokens are cached.
"""
import base64, hashlib, json, re, threading, time

P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT_OF_MINUS_1 = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)

def point(encoded):
    sign, y = divmod(int.from_bytes(encoded, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_1 % P
    if len(encoded) != 32 or y >= P or x * x % P != square or (x == 0 and sign == 1):
        raise ValueError("not a point of the curve")
    x = x if x % 2 == sign else P - x
    return x, y, 1, x * y % P

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def multiply(factor, p):
    product = (0, 1, 1, 0)
    while factor > 0:
        product = add(product, p) if factor % 2 == 1 else product
        factor, p = factor // 2, add(p, p)
    return product

BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))

def is_signed(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    p, q = multiply(s, BASE), add(point(signature[:32]), multiply(k, point(key)))
    return all((p[n] * q[2] - q[n] * p[2]) % P == 0 for n in (0, 1))

def base64url(text):
    decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(decoded).decode().rstrip("=") != text:
        raise ValueError("not the canonical encoding of these bytes")
    return decoded

def json_of(part):
    """The JSON of a token's part, in its canonical encoding: no duplicate fields, no spaces."""
    text = base64url(part).decode()
    value = json.loads(text)
    if json.dumps(value, separators=(",", ":"), ensure_ascii=False) != text:
        raise ValueError("not the canonical encoding of this value")
    return value

class ServiceTokens:
    LONGEST, SKEW, REMEMBERED = 30, 300, 100  # Seconds, seconds between the clocks of services, tokens.

    def __init__(self, file, audience):
        """Fails with OSError, ValueError, LookupError or TypeError if the file is not a JWKS."""
        with open(file, encoding="utf-8") as opened:
            keys = [key for key in json.load(opened)["keys"] if key.get("crv") == "Ed25519"]
        self.keys = {key["kid"]: base64url(key["x"]) for key in keys if point(base64url(key["x"]))}
        self.audience, self.verified, self.verifying = audience, {}, threading.Lock()

    def caller(self, authorization):
        """The service that signed the token, from the values of all Authorization headers; None if it is not valid."""
        given = re.fullmatch(r"Bearer ([\w-]+\.[\w-]+\.[\w-]+)", "".join(authorization[:2]), re.ASCII | re.IGNORECASE)
        if given is None or len(given[1]) > 4096 or len(authorization) != 1:
            return None
        claims = self.verified.get(given[1])
        if claims is None:
            with self.verifying:  # Of many requests with the same new token, only the first verifies it.
                claims = self.verified.get(given[1]) or self.verify(given[1])
        return claims["iss"] if claims is not None and self.is_good(claims) else None

    def verify(self, token):
        try:
            head, body, signature = token.split(".")
            header, claims = json_of(head), json_of(body)
            # Only these headers, and the caller's own key, so that no service can impersonate another.
            if header != {"alg": "EdDSA", "kid": claims["iss"], "typ": "svc+jwt"} or not self.is_good(claims):
                return None
            if not is_signed(self.keys[claims["iss"]], f"{head}.{body}".encode(), base64url(signature)):
                return None
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        for oldest in list(self.verified)[:1 - self.REMEMBERED]:
            del self.verified[oldest]
        self.verified[token] = claims
        return claims

    def is_good(self, claims):
        """Whether the claims are for this service and valid now; checked at each use."""
        iat, exp, nbf, now = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0), int(time.time())
        return (claims.get("aud") == self.audience and all(type(at) is int and at >= 0 for at in (iat, exp, nbf))
                and 0 < exp - iat <= self.LONGEST and exp > now - self.SKEW and max(iat, nbf) <= now + self.SKEW)
