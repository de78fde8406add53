-- The rules of crates/retry-loop/src/circuit.rs, on the server. A test compares the two step by step; change both.
-- KEYS[1]: "1 PHASE GENERATION FAILURES FROM LENGTH PERIOD". Times in ms; whole numbers below 2^53.
-- ARGV[1]: the operation, a word and numbers. ARGV[2]: the time, for tests; empty for the server's time.
local op, ticket, lease, threshold, open, draw = string.match(ARGV[1], '^(%a+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
ticket, lease, threshold = tonumber(ticket), tonumber(lease), tonumber(threshold)
open, draw = tonumber(open), tonumber(draw)
local now = tonumber(ARGV[2])
local CLOSED, OPEN, HALF_OPEN, LONGEST_OPEN, DAY, WEEK = 0, 1, 2, 600000, 86400000, 604800000
local LARGEST = 9007199254740991

local seen = redis.call('GET', KEYS[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local phase, generation, failures, from, length, period = CLOSED, 0, 0, 0, 0, 0
local damage = 0
if seen then
  local a, b, c, d, e, f = string.match(seen, '^1 ([012]) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  if a then
    phase, generation, failures = tonumber(a), tonumber(b), tonumber(c)
    from, length, period = tonumber(d), tonumber(e), tonumber(f)
  end
  -- Numbers that no rule gives are damage too.
  if not a or generation > LARGEST or failures > 4294967295 or from > LARGEST or length > WEEK or period > WEEK then
    phase, generation, failures, from, length, period = CLOSED, 0, 0, 0, 0, 0
    damage = math.max(1, tonumber(string.match(seen, '^(%d%d?%d?) ')) or 1)
  end
end

local function left()
  return math.max(0, length - math.max(0, now - from))
end

local function go(to, duration, nominal)
  generation = math.max(generation + 1, now)
  phase, failures, from, length, period = to, 0, now, duration, nominal
end

local reply, wait = 'late', 0
if op == 'refusal' then
  wait = phase == CLOSED and 0 or left()
  reply = wait > 0 and 'refused' or 'none'
elseif op == 'admit' then
  if phase == CLOSED then
    reply = 'closed'
  else
    from = math.min(from, now)
    wait = left()
    if wait > 0 then
      reply = 'refused'
    else
      go(HALF_OPEN, lease, period)
      reply = 'probe'
    end
  end
elseif ticket ~= generation then
  reply = 'late'
elseif op == 'renew' then
  if phase == HALF_OPEN then from = now end
  reply = 'kept'
elseif phase == CLOSED then
  reply = 'counted'
  if op == 'success' then
    failures = 0
  elseif op == 'failure' then
    failures = math.min(failures + 1, 4294967295)
    if failures >= threshold then
      go(OPEN, open, open)
      reply, wait = 'opened', open
    end
  end
elseif phase == HALF_OPEN then
  if op == 'success' then
    go(CLOSED, 0, 0)
    from = 0
    reply = 'recovered'
  elseif op == 'failure' then
    local nominal = math.min(math.max(period * 2, open), math.max(open, LONGEST_OPEN))
    wait = nominal - math.floor(math.floor(nominal / 5) * draw / 1024)
    go(OPEN, wait, nominal)
    reply = 'opened'
  else
    go(OPEN, 0, period)
    reply = 'given back'
  end
end

local text = string.format('1 %d %.0f %.0f %.0f %.0f %.0f', phase, generation, failures, from, length, period)
if text ~= (seen or '1 0 0 0 0 0 0') then
  redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', DAY + length))
end
return {reply, wait, generation, damage}
