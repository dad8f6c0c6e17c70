//! The steps that must be one. Redis runs a script as a whole; nothing comes between.

use ::redis::Script;

/// Whether a text is a record of a later version than the one known: a number and a dot stand before it.
const NEWER: &str = r"
local function newer(text, known)
  local version = type(text) == 'string' and string.match(text, '^(%d+)%.')
  return version and tonumber(version) > tonumber(known)
end";

/// Opens a session, ending the old one. What remembers how it will end outlives it by half a day. A person is named by a keyed digest. The index is written first, so that a fault in it opens nothing, and what it
/// names in vain is dropped little by little.
/// KEYS: new, index of the person, old (may be absent).
/// ARGV: prefix, name of new, record, seen, ends, life, person, channel, the version known, name of old.
const REPLACE: &str = r"
local owner
if KEYS[3] then
  owner = redis.pcall('HGET', KEYS[3], 'u')
  if type(owner) ~= 'string' or newer(redis.call('HGET', KEYS[3], 'd'), ARGV[9]) then return 0 end
end
for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, 15)) do
  if redis.call('EXISTS', ARGV[1] .. 's1:' .. name) == 0 then redis.call('ZREM', KEYS[2], name) end
end
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[2])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[6]) then redis.call('PEXPIRE', KEYS[2], ARGV[6]) end
redis.call('HSET', KEYS[1], 'd', ARGV[3], 's', ARGV[4], 'e', ARGV[5], 'u', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('SET', ARGV[1] .. 'e1:' .. ARGV[2], ARGV[4] .. ':' .. ARGV[5], 'PX', ARGV[6] + 43200000)
if owner then
  local record = redis.call('HGET', KEYS[3], 'd') or ''
  redis.call('DEL', KEYS[3], ARGV[1] .. 'e1:' .. ARGV[10])
  redis.call('ZREM', ARGV[1] .. 'u1:' .. owner, ARGV[10])
  redis.call('PUBLISH', ARGV[8], ARGV[10] .. ' replaced ' .. record .. ' ' .. ARGV[2])
end
return 1";

/// Notes a use, unless the session is gone or a later use is noted.
/// KEYS: session. ARGV: prefix, name, seen, ends, life.
const TOUCH: &str = r"
local held = redis.pcall('HMGET', KEYS[1], 's', 'u')
local seen = tonumber(held[1] or '')
if not seen or not held[2] then return 0 end
if seen >= tonumber(ARGV[3]) then return 0 end
local index = ARGV[1] .. 'u1:' .. held[2]
redis.call('ZADD', index, 'XX', ARGV[4], ARGV[2])
if redis.call('PTTL', index) < tonumber(ARGV[5]) then redis.call('PEXPIRE', index, ARGV[5]) end
redis.call('HSET', KEYS[1], 's', ARGV[3], 'e', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('SET', ARGV[1] .. 'e1:' .. ARGV[2], ARGV[3] .. ':' .. ARGV[4], 'PX', ARGV[5] + 43200000)
return 1";

/// Ends a session, whatever lies there.
/// KEYS: session. ARGV: prefix, name, channel, name of the one that it goes on as (may be absent).
const REVOKE: &str = r"
local held = redis.pcall('HMGET', KEYS[1], 'u', 'd')
local owner, record = held[1], held[2] or ''
local ended = redis.call('DEL', KEYS[1])
redis.call('DEL', ARGV[1] .. 'e1:' .. ARGV[2])
local why = ARGV[4] and ' replaced ' .. record .. ' ' .. ARGV[4] or ' revoked ' .. record
redis.call('PUBLISH', ARGV[3], ARGV[2] .. why)
if type(owner) == 'string' then redis.pcall('ZREM', ARGV[1] .. 'u1:' .. owner, ARGV[2]) end
return ended";

/// Ends every session of a person; answers those that were there.
/// KEYS: indexes. ARGV: prefix, channel.
const REVOKE_ALL: &str = r"
local ended = {}
for _, index in ipairs(KEYS) do
  for _, name in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local record = redis.pcall('HGET', ARGV[1] .. 's1:' .. name, 'd')
    if type(record) ~= 'string' then record = '' end
    if redis.call('DEL', ARGV[1] .. 's1:' .. name) == 1 then ended[#ended + 1] = name end
    redis.call('DEL', ARGV[1] .. 'e1:' .. name)
    redis.call('PUBLISH', ARGV[2], name .. ' revoked ' .. record)
  end
  redis.call('DEL', index)
end
return ended";

/// The sessions of a person: name and fields of each; a record without times for what is no session.
/// KEYS: indexes. ARGV: prefix.
const OF_USER: &str = r"
local found = {}
for _, index in ipairs(KEYS) do
  for _, name in ipairs(redis.call('ZRANGE', index, 0, -1)) do
    local held = redis.pcall('HMGET', ARGV[1] .. 's1:' .. name, 'd', 's', 'e')
    if held.err then held = {'', false, false} end
    found[#found + 1] = {name, held}
  end
end
return found";

/// Keeps a value in place of any other, but for one of a later version. Answers whether it did.
/// KEYS: value. ARGV: record, life, the version known.
const PUT: &str = r"
if newer(redis.pcall('GET', KEYS[1]), ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// Takes a value, unless it is of a later version. Answers it and its life; no value where one of another type lay.
/// KEYS: value. ARGV: the version known.
const TAKE: &str = r"
local held = redis.pcall('GET', KEYS[1])
if not held then return false end
if newer(held, ARGV[1]) then return {held, 0} end
local life = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
if type(held) == 'table' then return {false, 0} end
return {held, life}";

/// Keeps the digest of a sent code in place of an earlier one, whose attempts count on; none where no attempt is left.
/// Answers whether it did.
/// KEYS: code. ARGV: digest, attempts, life.
const PUT_CODE: &str = r"
local held = redis.pcall('HGET', KEYS[1], 'n')
if type(held) == 'table' then
  redis.call('DEL', KEYS[1])
  held = false
end
local left = math.min(tonumber(ARGV[2]), tonumber(held or '') or tonumber(ARGV[2]))
if left < 1 then return 0 end
redis.call('HSET', KEYS[1], 'd', ARGV[1], 'n', string.format('%.0f', left))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1";

/// Counts an attempt at a sent code and compares it. Answers how many are left after a wrong one; -1: there is none; -2:
/// what lay there was none and is gone; -3: it is right, and spent.
/// KEYS: code. ARGV: digest.
const ATTEMPT: &str = r"
local held = redis.pcall('HMGET', KEYS[1], 'd', 'n')
local left = not held.err and tonumber(held[2] or '')
if not left or not held[1] then
  if redis.call('DEL', KEYS[1]) == 1 then return -2 end
  return -1
end
if left < 1 then return 0 end
if held[1] == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return -3
end
return redis.call('HINCRBY', KEYS[1], 'n', -1)";

/// For how many milliseconds a sent code is good yet; 0: there is none, or no attempt is left.
/// KEYS: code.
const GOOD_FOR: &str = r"
local left = redis.pcall('HGET', KEYS[1], 'n')
if type(left) == 'table' or (tonumber(left or '') or 0) < 1 then return 0 end
return redis.call('PTTL', KEYS[1])";

/// Keeps a value unless one is there; answers the one that is.
/// KEYS: value. ARGV: record, life.
const KEEP: &str = r"
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return redis.call('GET', KEYS[1])";

/// Keeps a value in place of exactly the old one. Answers whether it did.
/// KEYS: value. ARGV: the old record, the new one, its life.
const COMPARE_AND_SET: &str = r"
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";

/// Takes away a value that could not be read, unless another one lies there by now. Answers whether it did.
/// KEYS: value. ARGV: what could not be read; nothing for a value of another type.
const DISCARD: &str = r"
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'table' or held == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0";

/// Charges all counters, or none where one is full. A counter is one number: when it is full again (GCRA). It expires a
/// minute after that, which forgives clocks that differ. What is no such number is put right as one that is used up.
/// KEYS: counters. ARGV: now, how far clocks may differ, then tries and refill of each. Answers the place from 1 of the
/// full one that has room last, or 0; the wait; the places of those put right; the new states.
const CHARGE: &str = r"
local now, differ, mended, states = tonumber(ARGV[1]), tonumber(ARGV[2]), {}, {}
local place, longest = 0, 0
local function put(key, at)
  redis.call('SET', key, string.format('%.0f', at), 'PX', string.format('%.0f', at - now + 60000))
end
for i, key in ipairs(KEYS) do
  local tries, refill = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local held, used_up = redis.pcall('GET', key), now + refill * tries
  if held then
    held = type(held) == 'string' and string.match(held, '^%d+$') and tonumber(held)
    if not held or held > used_up + differ then
      held = used_up
      mended[#mended + 1] = i
      put(key, held)
    end
  end
  local full = math.min(math.max(held or now, now), used_up)
  local next = full + refill
  local wait = math.max(next - used_up, 0)
  if tries == 0 then wait = refill end
  if wait > longest or (tries == 0 and place == 0) then place, longest = i, wait end
  states[i] = next
end
if place > 0 then return {place, longest, mended, {}} end
for i, key in ipairs(KEYS) do
  if states[i] > now then put(key, states[i]) end
end
return {0, 0, mended, states}";

/// Gives one attempt back on each counter, as far as it has not drained since it brought the counter to the state told.
/// KEYS: counters. ARGV: now, then tries, refill and that state of each.
const GIVE_BACK: &str = r"
local now = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  local tries, refill, till = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local held = redis.pcall('GET', key)
  held = type(held) == 'string' and string.match(held, '^%d+$') and tonumber(held)
  if held then
    local left = math.min(held, now + refill * tries) - math.min(math.max(till - now, 0), refill)
    if left > now then
      redis.call('SET', key, string.format('%.0f', left), 'PX', string.format('%.0f', left - now + 60000))
    else
      redis.call('DEL', key)
    end
  end
end
return 1";

/// Enters a name into every quota, or into none where one is full. Answers whether it was entered. A quota is a sorted set of
/// names by the time when they end; what is none is put right as an empty one.
/// KEYS: quotas. ARGV: now, life, name, then the most of each.
const ENTER: &str = r"
local now, life = tonumber(ARGV[1]), tonumber(ARGV[2])
for i, key in ipairs(KEYS) do
  local dropped = redis.pcall('ZREMRANGEBYSCORE', key, '-inf', now)
  if type(dropped) == 'table' then redis.call('DEL', key) end
  if redis.call('ZCARD', key) >= tonumber(ARGV[3 + i]) and not redis.call('ZSCORE', key, ARGV[3]) then return 0 end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, string.format('%.0f', now + life), ARGV[3])
  redis.call('PEXPIRE', key, string.format('%.0f', life + 60000))
end
return 1";

/// Removes a name from quotas.
/// KEYS: quotas. ARGV: name.
const LEAVE: &str = r"
for _, key in ipairs(KEYS) do redis.pcall('ZREM', key, ARGV[1]) end
return 1";

/// The scripts with their digests, by which they are called; Redis is given the text when it does not know one.
pub(super) struct Scripts {
    pub(super) replace: Script,
    pub(super) touch: Script,
    pub(super) revoke: Script,
    pub(super) revoke_all: Script,
    pub(super) of_user: Script,
    pub(super) put: Script,
    pub(super) take: Script,
    pub(super) keep: Script,
    pub(super) compare_and_set: Script,
    pub(super) put_code: Script,
    pub(super) attempt: Script,
    pub(super) good_for: Script,
    pub(super) discard: Script,
    pub(super) charge: Script,
    pub(super) give_back: Script,
    pub(super) enter: Script,
    pub(super) leave: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            replace: Script::new(&[NEWER, REPLACE].concat()),
            touch: Script::new(TOUCH),
            revoke: Script::new(REVOKE),
            revoke_all: Script::new(REVOKE_ALL),
            of_user: Script::new(OF_USER),
            put: Script::new(&[NEWER, PUT].concat()),
            take: Script::new(&[NEWER, TAKE].concat()),
            keep: Script::new(KEEP),
            compare_and_set: Script::new(COMPARE_AND_SET),
            put_code: Script::new(PUT_CODE),
            attempt: Script::new(ATTEMPT),
            good_for: Script::new(GOOD_FOR),
            discard: Script::new(DISCARD),
            charge: Script::new(CHARGE),
            give_back: Script::new(GIVE_BACK),
            enter: Script::new(ENTER),
            leave: Script::new(LEAVE),
        }
    }
}
