/** The driver's scripts for Redis, each atomic and one round trip. */

// Only commands that docs/redis.md names: an ACL applies inside scripts too.

/**
 * Applies the first case whose conditions hold. ARGV[1] is the cases as JSON,
 * in which numbers stand for keys (KEYS) and values (ARGV); 0 is no value.
 *
 * What is no hash has no fields (pcall). RENAME works where Redis is full; an
 * ACL may forbid it, and publishing.
 */
export const DECIDE = `local function field(key, name)
  local value = redis.pcall('HGET', KEYS[key], name)
  return type(value) == 'string' and value
end
local function put(call, key, fields)
  local values = {}
  for i, part in ipairs(fields) do values[i] = ARGV[part] end
  return call('HSET', KEYS[key], unpack(values))
end
local function holds(condition)
  local found = field(condition.key, condition.field)
  for _, value in ipairs(condition.values) do
    if found == (value > 0 and ARGV[value]) then return true end
  end
  return false
end
local function apply(step)
  if step.set then
    put(redis.call, step.set, step.fields)
    if step.lifetime then redis.call('PEXPIRE', KEYS[step.set], step.lifetime) end
  elseif step.unset then
    redis.call('HDEL', KEYS[step.unset.key], step.unset.field)
  elseif step.delete then
    redis.call('DEL', KEYS[step.delete])
  elseif step.setAside then
    if redis.pcall('RENAME', KEYS[step.setAside], KEYS[step.under]).ok then
      put(redis.pcall, step.under, step.fields)
      redis.call('PEXPIRE', KEYS[step.under], step.lifetime)
    end
    redis.call('DEL', KEYS[step.setAside])
  else
    redis.pcall('PUBLISH', step.publish, step.message)
  end
end
for index, case in ipairs(cjson.decode(ARGV[1])) do
  local all = true
  for _, condition in ipairs(case.when) do all = all and holds(condition) end
  if all then
    local answer = {index}
    for i, wanted in ipairs(case.want) do answer[i + 1] = field(wanted.key, wanted.field) end
    for _, step in ipairs(case.steps) do apply(step) end
    return answer
  end
end
return {0}`;

// The score is the end of a member. The whole set goes with its last one.
export const ENTER = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return {redis.call('ZCARD', KEYS[1]), #ARGV > 4 and redis.call('HMGET', KEYS[2], unpack(ARGV, 5)) or {}}`;

// A note that comes late does not replace a newer one.
export const NOTE = `for i = 2, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[i])
  if not known or tonumber(known) < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)`;

export const MEMBERS = `return redis.call('ZRANGE', KEYS[1], 0, -1)`;

export const LEAVE = `return redis.call('ZREM', KEYS[1], ARGV[1])`;

export const LIFETIME = `return redis.call('PTTL', KEYS[1])`;
