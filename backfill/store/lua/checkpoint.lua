-- The cursor of a range and the counts that belong to it, in one step, only under the lease. ARGV 4 index, 5 token,
-- 6 lease ms, 7 sequence, 8 advance JSON (texts inside are opaque here), 9 share of units that may be quarantined,
-- 10 the bounds of the batches' histogram in seconds, a JSON list of texts, ascending.
-- Counts are the range's totals, so a step that is done again, or follows one that Redis lost, counts right; a sequence
-- seen before was applied and its answer was lost, so the metrics do not count it again either.
-- Returns {1|0, state, pace, ms to wait for the rate limit, what stops the work or '', the share of its time that a lane
-- may work, ms until its window closes, ms that a batch takes at most: 0 with nobody to be considerate of, '' where that is
-- not the autopilot's}.
local index, token, sequence = ARGV[4], ARGV[5], tonumber(ARGV[7])
local pace = redis.call('HGET', run_key, 'pace') or ''
if not holds(index, token) then return {0, state() or '', pace, 0, '', '1', '0', ''} end
local key, a, wait = range_key(index), cjson.decode(ARGV[8]), 0

local function count(name, total_name)
  local before = tonumber(redis.call('HGET', key, name) or 0)
  redis.call('HSET', key, name, a[name])
  redis.call('HINCRBY', run_key, total_name, a[name] - before)
  return a[name] - before
end

-- One clock for all workers: each row written moves the moment of the next one on.
local function wait_for_rate(written)
  local rate = cjson.decode(pace).rows_per_second
  if rate <= 0 or written <= 0 then return 0 end
  local following = math.max(now, tonumber(redis.call('HGET', run_key, 'rate_next_ms') or 0)) + written * 1000 / rate
  redis.call('HSET', run_key, 'rate_next_ms', ms(following))
  hold_back(run_key, 'rows_per_second')
  redis.call('HINCRBY', run_key, 'throttled_ms', ms(following - now))
  measure('throttled_ms:rows_per_second', following - now)
  return math.floor(following - now)
end

-- Each batch in the one bucket that it belongs to; whoever reads adds them up.
local function measure_batches()
  local bounds, us = cjson.decode(ARGV[10]), 0
  for _, text in ipairs(a.batches_ms) do
    local took_ms, bucket = tonumber(text), '+Inf'
    for _, bound in ipairs(bounds) do
      if took_ms <= tonumber(bound) * 1000 then
        bucket = bound
        break
      end
    end
    measure('batch_le:' .. bucket, 1)
    us = us + took_ms * 1000
  end
  measure('batch_us', us)
end

-- At the first, and whenever there are ten times as many: a thousand units are no thousand messages.
local function is_worth_telling(before, after)
  local step = 1
  while step <= after do
    if before < step then return true end
    step = step * 10
  end
  return false
end

local function quarantine()
  local before = redis.call('HLEN', quarantined_key)
  for unit, value in pairs(a.quarantined) do
    redis.call('HDEL', put_aside_key, unit)
    redis.call('HSET', quarantined_key, unit, value)
    event('quarantined', 'unit', unit, 'about', value)
  end
  local failed = redis.call('HLEN', quarantined_key)
  if is_worth_telling(before, failed) then put_out('quarantined', state(), state(), 'engine', ms(failed)) end
  local passed = tonumber(redis.call('HGET', run_key, 'units_done')) + failed
  local accepted = tonumber(redis.call('HGET', run_key, 'accepted_passed') or 0)
  failed = failed - tonumber(redis.call('HGET', run_key, 'accepted_failed') or 0)
  passed = passed - accepted
  local reason = failed .. ' of the ' .. (accepted > 0 and 'last ' or 'first ') .. passed .. ' units failed'
  if next(a.quarantined) and failed >= 20 and failed > tonumber(ARGV[9]) * passed and take('pause', 'engine', reason) then
    redis.call('HSET', run_key, 'error', reason)
  end
end

if sequence > tonumber(redis.call('HGET', key, 'sequence')) then
  local checking = redis.call('HGET', key, 'stage') == 'settled'
  if a.cursor ~= '' then redis.call('HSET', key, checking and 'check_cursor' or 'cursor', a.cursor) end
  redis.call('HSET', key, 'sequence', sequence, 'part', a.part, 'due_ms', ms(a.due_ms), 'at_ms', ms(now))
  redis.call('HSETNX', key, 'began_ms', ms(now))
  if a.batch_size ~= '' then redis.call('HSET', run_key, 'batch_size', a.batch_size) end
  redis.call('HDEL', run_key, 'strikes', 'throttled_by', 'due_ms')
  local units, rows = count('units', 'units_done'), count('rows', 'rows_done')
  local checked, written = count('checked', 'checked'), count('written', 'rows_written')
  local batches = #a.batches_ms
  if batches > 0 then
    redis.call('HINCRBY', run_key, 'batches', batches)
    redis.call('HSET', run_key, 'batch_ms', a.batches_ms[batches])
    measure_batches()
  end
  measure('rows_passed', rows)
  measure('rows_written', written)
  -- Asking again for a unit that is still locked is no progress.
  local progressed = units + rows + checked + written > 0 or a.cursor ~= '' or a.stage_done
  if progressed then redis.call('HSET', metrics_key(), 'last_progress_ms', ms(now)) end
  if progressed or next(a.quarantined) or #a.taken_back > 0 then moved() end
  wait = wait_for_rate(written)
  if wait == 0 then let_go_on(run_key) end
  for unit, value in pairs(a.put_aside) do
    -- What is quarantined waits for the operator, also when verification comes across it.
    if redis.call('HEXISTS', quarantined_key, unit) == 0 then redis.call('HSET', put_aside_key, unit, value) end
  end
  for _, unit in ipairs(a.taken_back) do redis.call('HDEL', put_aside_key, unit) end
  quarantine()
  for _, value in ipairs(a.findings) do redis.call('RPUSH', findings_key, value) end
  if a.stage_done then
    local stage = checking and 'verified' or 'settled'
    redis.call('HSET', key, 'stage', stage, stage .. '_ms', ms(now))
  end
  redis.call('HSET', run_key, 'updated_ms', ms(now))
  local last = redis.call('LINDEX', samples_key, -1)
  if not last or now - tonumber(string.match(last, '^(%d+)')) >= 1000 then
    redis.call('RPUSH', samples_key, ms(now) .. ' ' .. redis.call('HGET', run_key, 'rows_done'))
    redis.call('LTRIM', samples_key, -60, -1)
  end
end
lease(index, token, tonumber(ARGV[6]))
local left = ms((open_until() or now) - now)
local rule = autopilot(cjson.decode(pace))
if not rule then return {1, state(), pace, wait, '', '1', left, ''} end
local duty = math.min(rule.lanes / math.max(live_leases(), 1), 1)
return {1, state(), pace, math.max(wait, rule.quiet_ms), rule.stopped or '', string.format('%.4f', duty), left,
  rule.batch_ms}
