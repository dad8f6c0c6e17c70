//! The verbs of several steps, each one script: atomic, whatever else happens on the server.

use ::redis::Script;

/// The scripts, ready to run.
pub(super) struct Scripts {
    pub(super) replace: Script,
    pub(super) touch: Script,
    pub(super) revoke: Script,
    pub(super) revoke_all: Script,
    pub(super) keep: Script,
    pub(super) charge: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            replace: Script::new(REPLACE),
            touch: Script::new(TOUCH),
            revoke: Script::new(REVOKE),
            revoke_all: Script::new(REVOKE_ALL),
            keep: Script::new(KEEP),
            charge: Script::new(CHARGE),
        }
    }
}

// KEYS: the new session, the index of its owner[, the old session]
// ARGV: body, user, seen_at, ends_at, life in ms, digest of the new key, now, channel[, digest of the old key]
const REPLACE: &str = r"
if KEYS[3] then
  local ends = tonumber(redis.call('HGET', KEYS[3], 'ends_at') or '0')
  if ends <= tonumber(ARGV[7]) then return 0 end
  redis.call('DEL', KEYS[3])
  redis.call('ZREM', KEYS[2], ARGV[9])
  redis.call('PUBLISH', ARGV[8], ARGV[9])
end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'user', ARGV[2], 'seen_at', ARGV[3], 'ends_at', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[7])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[6])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[2], ARGV[5]) end
return 1
";

// KEYS: the session. ARGV: seen_at, ends_at, life in ms, digest, prefix of indexes
const TOUCH: &str = r"
local user = redis.call('HGET', KEYS[1], 'user')
if not user then return 0 end
redis.call('HSET', KEYS[1], 'seen_at', ARGV[1], 'ends_at', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local index = ARGV[5] .. user
redis.call('ZADD', index, 'XX', ARGV[2], ARGV[4])
if redis.call('PTTL', index) < tonumber(ARGV[3]) then redis.call('PEXPIRE', index, ARGV[3]) end
return 1
";

// KEYS: the session. ARGV: digest, prefix of indexes, channel, now
const REVOKE: &str = r"
local user = redis.call('HGET', KEYS[1], 'user')
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends_at') or '0')
redis.call('DEL', KEYS[1])
if user then redis.call('ZREM', ARGV[2] .. user, ARGV[1]) end
redis.call('PUBLISH', ARGV[3], ARGV[1])
if user and ends > tonumber(ARGV[4]) then return 1 end
return 0
";

// KEYS: the index of a person. ARGV: prefix of sessions, channel, now
const REVOKE_ALL: &str = r"
local ended = 0
for _, digest in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[1] .. digest
  local ends = tonumber(redis.call('HGET', key, 'ends_at') or '0')
  if ends > tonumber(ARGV[3]) then ended = ended + 1 end
  redis.call('DEL', key)
  redis.call('PUBLISH', ARGV[2], digest)
end
redis.call('DEL', KEYS[1])
return ended
";

// KEYS: the value. ARGV: value, life in ms
const KEEP: &str = r"
local there = redis.call('GET', KEYS[1])
if there then return there end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
";

// The arithmetic of `auth::throttle::take`: the stored number is when the counter is full again.
// KEYS: counters. ARGV: now, then for each: tries, refill in ms. Answers {index, wait}, index -1 for all charged.
const CHARGE: &str = r"
local now = tonumber(ARGV[1])
for i = 1, #KEYS do
  local tries, refill = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local most = tries * refill
  local full = tonumber(redis.call('GET', KEYS[i]) or '0')
  if full < now then full = now end
  if full > now + most then full = now + most end
  local after = full + refill
  if tries == 0 then return { i - 1, refill } end
  if after > now + most then return { i - 1, after - now - most } end
  if after > now then redis.call('SET', KEYS[i], string.format('%.0f', after), 'PX', math.max(1, after - now)) end
end
return { -1, 0 }
";
