/**
 * Atomic operations in Lua. A script is a single command: nobody sees it half done, and a crash
 * leaves all of it or nothing. It also saves the client the promise and the buffer that each of
 * many commands costs.
 */

/**
 * KEYS: stream; ARGV: names and values, alternating. A blocked reader wakes after the last XADD, so
 * that it does not get the first entry alone.
 */
export const publishScript =
  `for at = 1, #ARGV, 2 do redis.call("xadd", KEYS[1], "*", ARGV[at], ARGV[at + 1]) end`

/**
 * KEYS: stream; ARGV: group, consumer. A consumer is deleted only while it holds nothing: deleting
 * it drops its pending entries.
 */
export const forgetScript =
  `if #redis.call("xpending", KEYS[1], ARGV[1], "-", "+", 1, ARGV[2]) > 0 then return 0 end
return redis.call("xgroup", "delconsumer", KEYS[1], ARGV[1], ARGV[2])`

// The index maps an order to the id of its letter; an entry, if it does not tell its order.
const drop = `local function drop(letter)
  redis.call("xdel", KEYS[1], letter[1])
  redis.call("hdel", KEYS[2], letter[2][4] or "", letter[2][6] or "")
end`

/**
 * KEYS: dead letters, index, stream, and for each entry the count of its order's failures; ARGV:
 * group, the most letters to keep, how long a count is kept in milliseconds, and for each entry its
 * id, order (may be empty), cause, number of names and values, and the names and values. Writes a
 * letter unless the order has one, and removes the entry. Returns 1 for each entry whose letter it
 * is, 0 for the others. Idempotent.
 */
export const buryScript = `${drop}
local own, at, nth = {}, 4, 4
while at < #ARGV do
  local entry, order, cause, last = ARGV[at], ARGV[at + 1], ARGV[at + 2], at + 3 + ARGV[at + 3]
  local name = order == "" and entry or order
  local id = redis.call("hget", KEYS[2], name)
  local letter = id and redis.call("xrange", KEYS[1], id, id)[1]
  if not letter then
    id = redis.call("xadd", KEYS[1], "*", "cause", cause, "entry", entry, "order", order,
      unpack(ARGV, at + 4, last))
    redis.call("hset", KEYS[2], name, id)
    if redis.call("xlen", KEYS[1]) > tonumber(ARGV[2]) then
      drop(redis.call("xrange", KEYS[1], "-", "+", "count", 1)[1])
    end
  end
  if redis.call("xdel", KEYS[3], entry) == 1 or not letter then
    redis.call("incr", KEYS[nth])
    redis.call("pexpire", KEYS[nth], ARGV[3])
  end
  redis.call("xack", KEYS[3], ARGV[1], entry)
  table.insert(own, (not letter or letter[2][4] == entry) and 1 or 0)
  at, nth = last + 1, nth + 1
end
return own`

/**
 * KEYS: dead letters, index, stream; ARGV: for each letter its id, and the name and value of the
 * new entry.
 */
export const redriveScript = `${drop}
local done = {}
for at = 1, #ARGV, 3 do
  local letter = redis.call("xrange", KEYS[1], ARGV[at], ARGV[at])[1]
  if letter then
    drop(letter)
    redis.call("xadd", KEYS[3], "*", ARGV[at + 1], ARGV[at + 2])
  end
  table.insert(done, letter and 1 or 0)
end
return done`

/**
 * KEYS: dead letters, index, and for each letter the count of its order's failures; ARGV: the ids
 * of the letters.
 */
export const discardScript = `${drop}
local done = {}
for at, id in ipairs(ARGV) do
  local letter = redis.call("xrange", KEYS[1], id, id)[1]
  if letter then
    drop(letter)
    redis.call("del", KEYS[at + 2])
  end
  table.insert(done, letter and 1 or 0)
end
return done`

/**
 * KEYS: dead letters, index; ARGV: milliseconds since the epoch. Deletes all older letters,
 * exactly: approximate trimming may keep a customer's data for ever. Without letters, the index is
 * deleted, too.
 */
export const trimScript = `${drop}
for _, letter in ipairs(redis.call("xrange", KEYS[1], "-", "(" .. ARGV[1] .. "-0")) do drop(letter) end
if redis.call("xlen", KEYS[1]) == 0 then redis.call("del", KEYS[2]) end`
