-- Hands out one task under a lease. ARGV 4 token, 5 lease ms. Returns {task, index, state, pace, token, ms until its
-- window closes}: the token with
-- the time of the claim behind it, which says since when the task is held. At most `parallel` live leases over all workers. A run whose ranges are all finished moves on to verifying, and then to its end.
local token, lease_ms = ARGV[4] .. '/' .. ms(now), tonumber(ARGV[5])
rest_if_idle()
local pace = redis.call('HGET', run_key, 'pace')

local closes

local function nothing() return {'nothing', -1, state() or '', pace or '', '', ''} end

local function hand_out(task, name, index)
  local before = lease_of(name)
  if before and before ~= token then event('takeover', 'task', name) end
  lease(name, token, lease_ms)
  return {task, index, state(), pace, token, ms(closes - now)}
end

local current = state()
if not (current == 'queued' or wanted(current)) or is_held_up() then return nothing() end
closes = open_until()
if not closes then return nothing() end
local rule, most = autopilot(cjson.decode(pace)), cjson.decode(pace).parallel
if rule and rule.stopped then return nothing() end
if rule then most = math.min(most, math.max(math.ceil(rule.lanes - 0.05), 1)) end
if live_leases() >= most then return nothing() end
take('start', 'engine')
if number_of_ranges() < 0 then
  if is_free('plan') then return hand_out('plan', 'plan', -1) end
  return nothing()
end

local stage, among = wanted(state())
local index, _, unfinished = free_ranges(stage, among)
if index and stage == 'open' then return hand_out('settle', tostring(index), index) end
if index then return hand_out('check', tostring(index), index) end
if unfinished or among then return nothing() end
if stage == 'open' then
  take('verify', 'engine')
  index = free_ranges('settled')
  if index then return hand_out('check', tostring(index), index) end
end
if not is_free('finish') then return nothing() end
return hand_out('finish', 'finish', -1)
