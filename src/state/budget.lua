-- The rules of crates/retry-loop/src/bucket.rs, on the server. tests/redis_rules.rs compares the two step by step; change both.
-- KEYS[1]: "1 THOUSANDTHS AT". Times in ms; whole numbers below 2^53.
-- ARGV[1]: the operation, a word and numbers. ARGV[2]: the time, for tests; empty for the server's time.
local seen = redis.call('GET', KEYS[1])
-- Nothing fits into a full bucket.
if not seen and string.sub(ARGV[1], 1, 8) == 'deposit ' then return {'done', 0, 0, 0, 0} end

local op, burst, deposit = string.match(ARGV[1], '^(%a+) (%d+) (%d+)$')
burst, deposit = tonumber(burst), tonumber(deposit)
local now = tonumber(ARGV[2])
local TOKEN, MILLIS_PER_THOUSANDTH = 1000, 60

if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local tokens, at, damage = burst, now, 0
if seen then
  local a, b = string.match(seen, '^1 (%d+) (%d+)$')
  if a then
    tokens, at = tonumber(a), tonumber(b)
  end
  -- Numbers that no rule gives are damage too.
  if not a or tokens > 4294967295000 or at > 9007199254740991 then
    tokens, at = burst, now
    local version = tonumber(string.match(seen, '^(%d%d?%d?) ')) or 0
    damage = version > 1 and version or 1
  end
end
local fresh = tokens == burst and at == now

local function refilled()
  local gained = math.floor(math.max(0, now - at) / MILLIS_PER_THOUSANDTH)
  if tokens + gained >= burst then return burst, now end
  return tokens + gained, math.min(now, at + gained * MILLIS_PER_THOUSANDTH)
end

local reply, wait = 'done', 0
if op == 'deposit' then
  if tokens ~= burst then
    tokens, at = refilled()
    tokens = math.min(tokens + deposit, burst)
    fresh = false
  end
else
  local full, paid_for = refilled()
  if full >= TOKEN then
    tokens, at = full - TOKEN, paid_for
    reply, fresh = 'paid', false
  else
    if paid_for < at then
      tokens, at = full, paid_for
    end
    reply = 'empty'
    wait = burst < TOKEN and -1 or (TOKEN - full) * MILLIS_PER_THOUSANDTH - math.max(0, now - paid_for)
  end
end

local text = string.format('1 %.0f %.0f', tokens, at)
if text ~= seen and (seen or not fresh) then
  -- A bucket that time has filled again needs no record.
  local keep = 60000 + math.max(0, burst - tokens) * MILLIS_PER_THOUSANDTH
  redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', keep))
end
return {reply, wait, 0, damage, 0}
