"""
JSON over HTTP for internal services, with the standard library alone. It keeps connections alive, cuts off slow clients,
reports errors as problem+json (RFC 9457), and on SIGTERM finishes the requests in flight before it stops.
"""
import json, re, signal, socket, threading, time, traceback, uuid
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

MOST_CONNECTIONS, LARGEST_BODY = 200, 1024 * 1024  # Bytes, where a route has no limit of its own.
IDLE, SLOWEST = 75, 10  # Seconds: how long a connection may be idle, and how long a request or an answer may take.

class Problem(Exception):
    """An error answer: its status, its code, its detail; and optionally JSON to send instead."""

def fields_once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise Problem(400, "duplicate_field", "A field occurs more than once. Send it once.")
    return dict(pairs)

def fields_of(query):
    try:
        return fields_once(parse_qsl(query, keep_blank_values=True, strict_parsing=query != "", errors="strict"))
    except ValueError:
        raise Problem(400, "invalid_request", "The query is invalid.") from None

def json_of(headers, body):
    if headers.get_content_type() != "application/json":
        raise Problem(415, "unsupported_media_type", "Send JSON, with the header Content-Type: application/json.")
    try:
        return json.loads(body.decode(), object_pairs_hook=fields_once)
    except (ValueError, RecursionError):
        raise Problem(400, "malformed_json", "The body is not JSON. Send one JSON object, encoded in UTF-8.") from None

class Handler(BaseHTTPRequestHandler):
    """A connection, in its own thread."""
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True
    server_version, sys_version = "Python", ""
    deadline, is_answering, headers, command = float("inf"), False, {}, None

    def handle_one_request(self):
        self.close_connection, self.deadline = True, time.monotonic() + IDLE
        self.server.connections.add(self)
        with suppress(OSError):
            if self.rfile.peek(1):
                self.is_answering, self.deadline = True, time.monotonic() + SLOWEST
                super().handle_one_request()
        self.is_answering = False

    def finish(self):
        self.server.connections.discard(self)
        with suppress(OSError):
            super().finish()

    def answer(self):
        try:
            self.send(200, self.respond())
        except Problem as problem:
            self.send_problem(*problem.args)
        except OSError:
            raise
        except Exception:
            traceback.print_exc()
            self.send_problem(500, "internal_error", "Something went wrong here. Try again.")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def respond(self):
        path, _, query = self.path.partition("?")
        path, refusal = path.rstrip("/"), None
        try:
            self.admit(path)
        except Problem as problem:
            refusal = problem
        most = self.server.largest.get(path, LARGEST_BODY)
        body = self.read_body(0 if refusal else most)
        if refusal:
            raise refusal
        if body is None:
            raise Problem(413, "body_too_large", f"The body is larger than {most} bytes. Send less.")
        given = fields_of(query) if self.command == "GET" else json_of(self.headers, body)
        return self.server.routes[self.command, path](given)

    def admit(self, path):
        allowed = [method for method, known in self.server.routes if known == path]
        if not allowed:
            raise Problem(404, "not_found", "There is nothing here.")
        if self.command not in allowed:
            raise Problem(405, "method_not_allowed", f"{self.command} is not allowed here. Allowed: {', '.join(allowed)}.")
        self.server.authorize(path, self.headers)

    def read_body(self, most):
        """Returns the body, or None if it is too large. Always reads it to its end, since the next request follows it."""
        lengths = self.headers.get_all("Content-Length", ["0"])
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,15}", " ".join(lengths)):
            self.close_connection = True
            raise Problem(411, "length_required", "Send the body with exactly one Content-Length.")
        length = left = int(lengths[0])
        body = b""
        while left > 0:
            part = self.rfile.read(left if length <= most else min(left, 65536))
            if part == b"":
                raise ConnectionError("the body ended early")
            body, left = part, left - len(part)
        self.deadline = float("inf")
        return body if length <= most else None

    def send(self, status, content, media_type="application/json"):
        self.deadline = time.monotonic() + SLOWEST
        payload = json.dumps(content).encode()
        headers = {"Content-Type": media_type, "Content-Length": len(payload), "Cache-Control": "no-store",
                   "X-Content-Type-Options": "nosniff"}
        if self.close_connection or self.server.is_stopping:
            headers["Connection"] = "close"
        else:
            headers["Keep-Alive"] = f"timeout={IDLE - 5}"
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if status == 503:
            headers["Retry-After"] = "1"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else payload)

    def send_problem(self, status, code, detail, instead=None):
        if instead is not None:
            return self.send(status, instead)
        given = self.headers.get("X-Request-Id", "")
        request_id = given if re.fullmatch(r"[\w.-]{1,64}", given, re.ASCII) else str(uuid.uuid4())
        self.send(status, {"type": f"/docs/problems#{code}", "title": self.responses[status][0], "status": status,
                           "detail": detail, "code": code, "requestId": request_id}, "application/problem+json")

    def send_error(self, status, *_):
        """Called for a malformed request."""
        self.close_connection, self.request_version = True, self.protocol_version
        self.send_problem(int(status), "invalid_request", "Malformed request. Check its method, path and headers.")

    def log_message(self, *_):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size, is_stopping = 128, False

    def __init__(self, address, routes, authorize, largest):
        """Routes: handlers by method and path. A handler gets the body's JSON or the fields of the query. Largest: the most
        bytes of a body, by path."""
        self.routes, self.authorize, self.largest, self.connections = routes, authorize, largest, set()
        super().__init__(address, Handler)

    def verify_request(self, *_):
        return len(self.connections) < MOST_CONNECTIONS

    def service_actions(self):
        """Runs twice a second."""
        for connection in list(self.connections):
            if connection.deadline < time.monotonic():
                with suppress(OSError):
                    connection.connection.shutdown(socket.SHUT_RDWR)

    def serve_until_told(self):
        def stop(*_):
            self.is_stopping = True
            threading.Thread(target=self.shutdown).start()
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        self.serve_forever()
        self.server_close()
        until = time.monotonic() + SLOWEST
        while any(connection.is_answering for connection in list(self.connections)) and time.monotonic() < until:
            time.sleep(0.05)
