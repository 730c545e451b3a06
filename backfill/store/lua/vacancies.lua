-- How many more slices could work now: free and due tasks, bounded by the room that `parallel` leaves. Also lets a run
-- in passing come to rest when the worker that should have done it is gone, and takes one off the list of the active that
-- a release without versions has ended. -1: what is known of its window is soon over, and is to be looked up anew. ARGV 4 for how
-- many ms it is held up before that is told.
local function tell_if_throttled_for_long(current)
  local fields = redis.call('HMGET', run_key, 'throttled_by', 'throttled_since_ms', 'told_throttled_ms')
  local by, since, told = fields[1], fields[2], fields[3]
  if not since or since == told or by == 'rows_per_second' or not (current == 'queued' or wanted(current)) then return end
  if now - tonumber(since) < tonumber(ARGV[4]) or not open_until() then return end
  redis.call('HSET', run_key, 'told_throttled_ms', since)
  put_out('throttled', current, current, 'engine', by)
end

rest_if_idle()
local current = state()
if current and is_done(current) and redis.call('GET', active_key()) == run_id then redis.call('DEL', active_key()) end
tell_if_throttled_for_long(current)
if not (current == 'queued' or wanted(current)) or is_held_up() then return 0 end
local phases = redis.call('HGET', run_key, 'phases')
local last = phases and tonumber(string.match(phases, '(%d+)$'))
if last and last < now + 172800000 then return -1 end
local closes, opens = open_until()
if (closes == nil) ~= (redis.call('HGET', run_key, 'outside') == '1') then
  redis.call('HSET', run_key, 'outside', closes and '' or '1', 'updated_ms', ms(now))
  event('window', 'open', closes and '1' or '0', 'until_ms', ms(closes or opens))
end
if not closes then return 0 end
local rule = autopilot(cjson.decode(redis.call('HGET', run_key, 'pace')))
if rule and rule.stopped then
  -- Where a monitor is at work it says so itself; this is for where there is none.
  if rule.lanes == 0 then hold_back(run_key, rule.stopped) end
  return 0
end
local room = cjson.decode(redis.call('HGET', run_key, 'pace')).parallel - live_leases()
if room <= 0 then return 0 end
if number_of_ranges() < 0 then return is_free('plan') and 1 or 0 end
local stage, among = wanted(current == 'queued' and 'running' or current)
local _, free, unfinished = free_ranges(stage, among)
if not unfinished and not among then free = 1 end
return math.min(free, room)
