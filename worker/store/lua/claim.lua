-- Hands out one task under a lease. ARGV 4 token, 5 lease ms. Returns {task, index, state, pace}; at most `parallel`
-- live leases over all workers. A run whose ranges are all finished moves on to verifying, and then to its end.
local token, lease_ms = ARGV[4], tonumber(ARGV[5])
rest_if_idle()
local current = state()
if not current then return {'nothing', -1, '', '{}'} end
local pace = redis.call('HGET', run_key, 'pace')
if current ~= 'queued' and current ~= 'running' and current ~= 'verifying' then return {'nothing', -1, current, pace} end
if live_leases() >= cjson.decode(pace).parallel then return {'nothing', -1, current, pace} end

local function hand_out(task, name, index)
  local before = lease_of(name)
  if before and before ~= token then event('takeover', 'task', name) end
  lease(name, token, lease_ms)
  return {task, index, state(), pace}
end

take('start', 'engine')
local ranges = tonumber(redis.call('HGET', run_key, 'ranges') or -1)
if ranges < 0 then
  if is_free('plan') then return hand_out('plan', 'plan', -1) end
  return {'nothing', -1, state(), pace}
end

-- The first range in key order that wants the stage's work, is due and is free; whether any is unfinished at all.
local function next_range(stage)
  local unfinished = false
  for index = 0, ranges - 1 do
    local fields = redis.call('HMGET', range_key(index), 'stage', 'due_ms')
    if fields[1] == stage then
      unfinished = true
      if tonumber(fields[2] or 0) <= now and is_free(tostring(index)) then return index, true end
    end
  end
  return nil, unfinished
end

local index, unfinished
if state() == 'running' then
  index, unfinished = next_range('open')
  if index then return hand_out('settle', tostring(index), index) end
  if unfinished then return {'nothing', -1, state(), pace} end
  take('verify', 'engine')
end
index, unfinished = next_range('settled')
if index then return hand_out('check', tostring(index), index) end
if unfinished or not is_free('finish') then return {'nothing', -1, state(), pace} end
return hand_out('finish', 'finish', -1)
