-- The rules of crates/retry-loop/src/circuit.rs, on the server. tests/redis_rules.rs compares the two step by step; change both.
-- KEYS[1]: "1 PHASE GENERATION FAILURES FROM LENGTH PERIOD", or where results are counted in a window,
-- "2 0 GENERATION FAILURES WIDTH NEWEST SUCCESSES FAILURES ..." with the ten buckets, the newest first.
-- Times in ms; whole numbers below 2^53.
-- ARGV[1]: the operation, a word and numbers. ARGV[2]: the time, for tests; empty for the server's time.
local seen = redis.call('GET', KEYS[1])
-- The most frequent questions by far first: an attempt, and its success where no failure is counted and no success is
-- counted for a rate. Both change nothing. What is below answers them as well, and takes twice the time.
local closed, counted = 0, 0
if seen then
  closed, counted = string.match(seen, '^1 0 (%d+) (%d+) 0 0 0$')
  closed, counted = tonumber(closed), tonumber(counted)
end
if closed and closed <= 9007199254740991 and counted <= 4294967295 then
  if string.sub(ARGV[1], 1, 6) == 'admit ' then return {'closed', 0, closed, 0, 0} end
  local admitted = string.match(ARGV[1], '^success (%d+) .* 0$')
  if counted == 0 and tonumber(admitted) == closed then return {'counted', 0, closed, 0, 0} end
end

local op, ticket, lease, threshold, open, draw, window, part =
  string.match(ARGV[1], '^(%a+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
ticket, lease, threshold = tonumber(ticket), tonumber(lease), tonumber(threshold)
open, draw = tonumber(open), tonumber(draw)
-- No window is 0. The part is in thousandths; 0 where failures in a row open the circuit.
window, part = tonumber(window), tonumber(part)
local now = tonumber(ARGV[2])
local CLOSED, OPEN, HALF_OPEN, LONGEST_OPEN, DAY, WEEK = 0, 1, 2, 30000, 86400000, 604800000
local LARGEST, MOST, BUCKETS = 9007199254740991, 4294967295, 10

if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local phase, generation, failures, from, length, period = CLOSED, 0, 0, 0, 0, 0
-- The buckets are filled where there is a window, in the operation or in the record: that takes time.
local width, newest, good, bad = 0, 0, {}, {}

-- Whether it is a closed circuit with a window.
local function read_window(text)
  if #text > 320 or not string.find(text, '^2 0' .. string.rep(' %d+', 4 + 2 * BUCKETS) .. '$') then return false end
  local numbers = {}
  for number in string.gmatch(string.sub(text, 4), '%d+') do numbers[#numbers + 1] = tonumber(number) end
  if numbers[1] > LARGEST or numbers[2] > MOST or numbers[4] > LARGEST then return false end
  if numbers[3] < 1 or numbers[3] > WEEK / BUCKETS then return false end
  for i = 5, #numbers do
    if numbers[i] > MOST then return false end
  end
  generation, failures, width, newest = numbers[1], numbers[2], numbers[3], numbers[4]
  for i = 1, BUCKETS do good[i], bad[i] = numbers[2 * i + 3], numbers[2 * i + 4] end
  return true
end

local function empty(new_width, number)
  width, newest = new_width, number
  for i = 1, BUCKETS do good[i], bad[i] = 0, 0 end
end

if window > 0 then empty(0, 0) end
local damage = 0
if seen and (string.sub(seen, 1, 2) ~= '2 ' or not read_window(seen)) then
  local a, b, c, d, e, f = string.match(seen, '^1 ([012]) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  if a then
    phase, generation, failures = tonumber(a), tonumber(b), tonumber(c)
    from, length, period = tonumber(d), tonumber(e), tonumber(f)
  end
  -- Numbers that no rule gives are damage too.
  if not a or generation > LARGEST or failures > MOST or from > LARGEST or length > WEEK or period > WEEK then
    phase, generation, failures, from, length, period = CLOSED, 0, 0, 0, 0, 0
    local version = tonumber(string.match(seen, '^(%d%d?%d?) ')) or 0
    damage = version > 2 and version or 1
  end
end

local function left()
  return math.max(0, length - math.max(0, now - from))
end

local function sum(counts)
  local all = 0
  for i = 1, BUCKETS do all = all + counts[i] end
  return all
end

local function go(to, duration, nominal)
  generation = math.max(generation + 1, now)
  phase, failures, from, length, period = to, 0, now, duration, nominal
  width, newest = 0, 0
end

-- Adds a result to the newest bucket of its counts.
local function count(counts)
  if width > 0 then
    local number = math.floor(now / width)
    local distance = math.abs(number - newest)
    if distance >= BUCKETS then
      empty(width, number)
    elseif number > newest then
      for i = BUCKETS, 1, -1 do
        good[i], bad[i] = good[i - distance] or 0, bad[i - distance] or 0
      end
      newest = number
    end
  end
  local own = math.max(1, math.floor(window / BUCKETS))
  if width ~= own and sum(bad) == 0 then empty(own, math.floor(now / own)) end
  counts[1] = math.min(counts[1] + 1, MOST)
end

local function is_reached()
  if window == 0 then return failures >= threshold end
  local failed = sum(bad)
  if part == 0 then return math.min(failures, failed) >= threshold end
  local all = sum(good) + failed
  return all >= threshold and failed * 1000 >= part * all
end

-- In the state before the operation: what refuses an attempt, as long as there is time left.
local refuses = phase == OPEN and 'open' or 'probing'
local reply, wait = 'late', 0
if op == 'refusal' then
  wait = phase == CLOSED and 0 or left()
  reply = wait > 0 and refuses or 'none'
elseif op == 'admit' then
  if phase == CLOSED then
    reply = 'closed'
  else
    from = math.min(from, now)
    wait = left()
    if wait > 0 then
      reply = refuses
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
    if part > 0 then count(good) end
  elseif op == 'failure' then
    failures = math.min(failures + 1, MOST)
    if window > 0 then count(bad) end
    if is_reached() then
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
if width > 0 then
  text = string.format('2 0 %.0f %.0f %.0f %.0f', generation, failures, width, newest)
  for i = 1, BUCKETS do text = text .. string.format(' %.0f %.0f', good[i], bad[i]) end
end
if text ~= (seen or '1 0 0 0 0 0 0') then
  redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', DAY + length + width * BUCKETS))
end
-- The last number is how long attempts are refused; negative while a probe is running.
local refused = phase == CLOSED and 0 or left()
return {reply, wait, generation, damage, phase == HALF_OPEN and -refused or refused}
