#!/usr/bin/python3
"""
A participant of the order saga in Python: courier, which has a capacity in each district. An example to copy. It does all
that docs/protocol.md requires, with the standard library, the files beside this one (for any service), and a driver:

    apt install python3-psycopg     # psycopg 3, for Debian's own /usr/bin/python3

Settings: DATABASE_URL and SERVICE_PUBLIC_KEYS (a JWKS) are required; NAME, HOST, PORT, RETENTION and COURIER_CAPACITY (of
each district, at the first start) are optional.
"""
import os, queue, random, re, sys, time, uuid
import needs, psycopg  # In this order: `needs` ends the program where psycopg is missing.
from psycopg.rows import dict_row
from json_server import Problem, Server
from service_tokens import ServiceTokens

wrong = []

def setting(name, pattern, wants, default=""):
    value = os.environ.get(name, "").strip() or default
    if not re.fullmatch(pattern, value):
        wrong.append(f"{name} is {'wrong' if value else 'missing'}: set it to {wants}")
    return value

NAME = setting("NAME", r"[a-z][a-z0-9-]*", "the name of this service", "courier")
HOST = setting("HOST", r"\S+", "the address to listen at", "127.0.0.1")
PORT = setting("PORT", r"\d{1,5}", "a TCP port", "9089")
CAPACITY = setting("COURIER_CAPACITY", r"\d{1,9}", "the capacity of each district", "100")
RETENTION = setting("RETENTION", r"[1-9]\d{0,4} days?", 'that of the other services, such as "30 days"', "30 days")
DATABASE_URL = setting("DATABASE_URL", r"postgres(ql)?://\S+", "a database, postgres://USER:PASSWORD@HOST/NAME")
KEYS = setting("SERVICE_PUBLIC_KEYS", r".+", "the file services.public.json that `npm run keys -- FOLDER` makes")
try:
    TOKENS = ServiceTokens(KEYS, NAME) if KEYS else None
except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
    wrong.append(f"SERVICE_PUBLIC_KEYS is wrong ({type(error).__name__}): set it to a file that holds a JWKS")
if wrong:
    sys.exit(f"{NAME} cannot start. {'; '.join(wrong)}.")
DAY, RETENTION = 24 * 60 * 60, int(RETENTION.split()[0]) * 24 * 60 * 60

TABLES = f"""
select pg_advisory_xact_lock(9089);
create table if not exists districts (district text primary key,
  capacity bigint not null check (capacity between 0 and 9007199254740991),
  opening bigint not null, consumed bigint not null default 0 check (consumed >= 0));
create table if not exists reservations (order_id uuid primary key, outcome text not null, resource text not null,
  quantity bigint not null check (quantity > 0), recorded_at timestamptz not null default now());
create table if not exists forgotten (before uuid not null, spared uuid[] not null);
insert into districts (district, opening, capacity) select number, {CAPACITY}, {CAPACITY}
  from generate_series(1, 10) as number where not exists (select from forgotten);
insert into forgotten select '00000000-0000-0000-0000-000000000000', '{{}}' where not exists (select from forgotten);
set statement_timeout = '4s'"""
pool = queue.LifoQueue()
for _ in range(8):
    pool.put(None)  # Connections are made on demand.

def connect():
    # No prepared statements: they would keep a plan from when the tables were small.
    database = psycopg.connect(
        DATABASE_URL, autocommit=True, prepare_threshold=None, connect_timeout=3, tcp_user_timeout=5000)
    database.execute(TABLES)
    return database

def transact(work, *given):
    """Runs the work in one transaction, and retries it after a conflict or a lost connection. Retrying is safe although
    the first try may have been committed: all work here is idempotent."""
    started, database = time.monotonic(), pool.get(timeout=3)
    try:
        while True:
            try:
                database = database or connect()
                with database.transaction():
                    return work(database, *given)
            except (psycopg.OperationalError, psycopg.errors.UniqueViolation):
                if database is None or time.monotonic() - started > 2:
                    raise
                database = None if database.closed else database
            time.sleep(random.random() / 20)
    finally:
        pool.put(database)

def lock_records(database, condition, *given):
    return {order: tuple(record) for order, *record in database.execute(f"""
        select order_id::text, outcome, resource, quantity from reservations where {condition}
        order by order_id for update""", given)}

def lock_districts(database, names):
    return dict(database.execute("""
        select district, capacity from districts where district = any(%s) order by district for update""", [list(names)]))

def columns(rows):
    return [list(column) for column in zip(*rows)]

def carry_out(command, records, left):
    """Changes the records and the balances by the protocol's table, and returns the outcome."""
    order, resource, quantity = command["orderId"], command["resource"], command["quantity"]
    age = time.time() - int(order[:8] + order[9:13], 16) / 1000
    outcome, *of = records.get(order, [None])
    if command["action"] == "cancel":
        if outcome is None and age <= RETENTION + DAY / 2:
            records[order] = ("cancelled", resource, quantity)  # The tombstone: a later reserve is refused.
        elif outcome == "reserved":
            records[order] = ("cancelled", *of)
            left[of[0]] = left.get(of[0], 0) + of[1]
        return "cancelled"
    if outcome is None:
        if age > RETENTION:
            return "cancelled"
        outcome = "reserved" if left.get(resource, 0) >= quantity else "rejected"
        if outcome == "reserved":
            left[resource] -= quantity
        records[order] = (outcome, resource, quantity)
    elif outcome == "reserved" and of != [resource, quantity]:
        return "mismatch"
    return outcome

def reserve_and_cancel(database, request):
    commands = request["commands"]
    # Every transaction locks first orders, then districts, each sorted, so that none deadlock.
    known = lock_records(database, "order_id = any(%s::uuid[])", [command["orderId"] for command in commands])
    left = lock_districts(database, {command["resource"] for command in commands} | {of for _, of, _ in known.values()})
    before, records = dict(left), dict(known)
    outcomes = [{"orderId": command["orderId"], "outcome": carry_out(command, records, left)} for command in commands]
    new = sorted((order, *record) for order, record in records.items() if order not in known)
    given_back = [order for order in known if records[order] != known[order]]
    changed = [(district, capacity) for district, capacity in left.items() if capacity != before.get(district)]
    if new:
        database.execute("""
            insert into reservations (order_id, outcome, resource, quantity)
            select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[])""", columns(new))
    if given_back:
        database.execute("update reservations set outcome = 'cancelled' where order_id = any(%s::uuid[])", [given_back])
    if changed:
        database.execute("""
            update districts set capacity = after.capacity
            from unnest(%s::text[], %s::bigint[]) as after (name, capacity) where district = name""", columns(changed))
    return {"outcomes": outcomes}

def page(database, query):
    return {"reservations": database.cursor(row_factory=dict_row).execute("""
        select order_id::text as "orderId", outcome, resource, quantity, to_json(recorded_at) as "recordedAt"
        from reservations where order_id < coalesce(%(before)s, 'ffffffff-ffff-ffff-ffff-ffffffffffff')::uuid
          and order_id > coalesce(%(after)s, '00000000-0000-0000-0000-000000000000')::uuid
        order by order_id desc limit %(limit)s""", {"before": None, "after": None, "limit": 1000, **query}).fetchall()}

def books(database, _):
    """The opening of a district is what is left, what orders hold, and what forgotten orders have consumed."""
    database.execute("set transaction isolation level repeatable read")  # All of it at one instant.
    imbalanced = database.cursor(row_factory=dict_row).execute("""
        select * from (
          select coalesce(district, resource) as resource, coalesce(opening, 0) as opening, 0 as adjusted,
            coalesce(capacity, 0) as balance, coalesce(held, 0)::bigint as held, coalesce(consumed, 0) as consumed
          from districts full join (select resource, sum(quantity) as held from reservations
            where outcome = 'reserved' group by resource) as holds on resource = district) as books
        where opening <> balance + held + consumed or opening < 0 order by resource limit 100""").fetchall()
    return {"resources": database.execute("select count(*) from districts").fetchone()[0], "imbalanced": imbalanced}

def forgotten(database, _, lock=""):
    before, spared = database.execute(f"select before::text, spared::text[] from forgotten {lock}").fetchone()
    return {"before": before, "spared": spared}

def forget(database, request):
    so_far, kept = forgotten(database, request, "for update"), request["except"]
    oldest_kept = str(uuid.UUID(int=int((time.time() - RETENTION - DAY) * 1000) << 80))
    before = max(so_far["before"], min(request["before"], oldest_kept))
    old = lock_records(database, """order_id = any(array(select order_id from reservations
        where order_id < %s and order_id <> all(%s::uuid[]) order by order_id limit 1001))""", before, kept)
    if len(old) > 1000:
        before, _ = old.popitem()
    lock_districts(database, {district for _, district, _ in old.values()})
    consumed = [(district, quantity) for outcome, district, quantity in old.values() if outcome == "reserved"]
    if consumed:
        database.execute("""
            update districts set consumed = consumed + more from (select district, sum(quantity) as more
              from unnest(%s::text[], %s::bigint[]) as held (district, quantity) group by district) as sums
            where districts.district = sums.district""", columns(consumed))
    database.execute("delete from reservations where order_id = any(%s::uuid[])", [list(old)])
    # Below the old `before`, only orders that were spared then still have records.
    spared = [order for order in kept if order < before and (order >= so_far["before"] or order in so_far["spared"])]
    database.execute("update forgotten set before = %s, spared = %s::uuid[]", [before, spared])
    return {"forgotten": len(old)}

def is_order(value):
    return type(value) is str and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None

def is_resource(value):  # Up to 150 UTF-16 code units.
    return (type(value) is str and 2 <= len(value.encode("utf-16-le", "surrogatepass")) <= 300
            and re.search("[\0\ud800-\udfff\ufffd]", value) is None)

def is_list(of, least):
    return lambda value: type(value) is list and least <= len(value) <= 1000 and all(map(of, value))

def is_object(**fields):
    return lambda value: type(value) is dict and value.keys() == fields.keys() and all(
        is_right(value[name]) for name, is_right in fields.items())

COMMAND = is_object(orderId=is_order, action=("reserve", "cancel").__contains__, resource=is_resource,
                    quantity=lambda value: type(value) is int and 1 <= value < 2**53)
COMMANDS = is_object(commands=is_list(COMMAND, 1))
FORGET = is_object(**{"before": is_order, "except": is_list(is_order, 0)})
FIELDS = {"before": is_order, "after": is_order, "limit": re.compile("[1-9][0-9]{0,2}|1000").fullmatch}

def is_page(query):
    return all(name in FIELDS and FIELDS[name](value) for name, value in query.items())

def answering(work, is_right=lambda _: True):
    """A handler that validates the request and does the work in a transaction."""
    def answer(given):
        if not is_right(given):
            raise Problem(400, "invalid_request", "A field is missing, unknown or wrong. docs/protocol.md has them.")
        try:
            return transact(work, given)
        except (psycopg.OperationalError, psycopg.InternalError, queue.Empty) as error:
            print(f"{NAME}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            raise Problem(503, "service_unavailable", "The database cannot be used now. Try again soon.") from None
    return answer

def ready(_):
    try:
        return answering(lambda *_: {"status": "ready", "service": NAME, "checks": {"database": "ok"}})(None)
    except Problem as problem:
        state = {"status": "not ready", "service": NAME, "checks": {"database": "it cannot be used"}}
        raise Problem(*problem.args, state) from None

def authorize(path, headers):
    if path.startswith("/internal/"):
        caller = TOKENS.caller(headers.get_all("Authorization", []))
        if caller is None:
            raise Problem(401, "unauthenticated", "Send a token that is valid here: Authorization: Bearer TOKEN.")
        if caller != "orchestrator":
            raise Problem(403, "forbidden", f"{caller} may not call this.")

ROUTES = {
    ("GET", "/livez"): lambda _: {"status": "alive", "service": NAME},
    ("GET", "/readyz"): ready,
    ("POST", "/internal/reservations"): answering(reserve_and_cancel, COMMANDS),
    ("GET", "/internal/reservations"): answering(page, is_page),
    ("GET", "/internal/books"): answering(books),
    ("GET", "/internal/forgotten"): answering(forgotten),
    ("POST", "/internal/forget"): answering(forget, FORGET),
}

if __name__ == "__main__":
    try:
        server = Server((HOST, int(PORT)), ROUTES, authorize, {"/internal/forget": 64 * 1024})
    except (OSError, OverflowError) as error:
        sys.exit(f"{NAME} cannot listen at {HOST}:{PORT} ({error}): set HOST and PORT to others.")
    print(f"{NAME} listens on http://{HOST}:{server.server_port}", flush=True)
    server.serve_until_told()
