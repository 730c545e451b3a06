-- How many more slices could work now: free and due tasks, bounded by the room that `parallel` leaves. Also lets a run
-- in passing come to rest when the worker that should have done it is gone.
rest_if_idle()
local current = state()
if current ~= 'queued' and current ~= 'running' and current ~= 'verifying' then return 0 end
local room = cjson.decode(redis.call('HGET', run_key, 'pace')).parallel - live_leases()
if room <= 0 then return 0 end
local ranges = tonumber(redis.call('HGET', run_key, 'ranges') or -1)
if ranges < 0 then return is_free('plan') and 1 or 0 end
local wanted = current == 'verifying' and 'settled' or 'open'
local free, unfinished = 0, false
for index = 0, ranges - 1 do
  local fields = redis.call('HMGET', range_key(index), 'stage', 'due_ms')
  if fields[1] == wanted then
    unfinished = true
    if tonumber(fields[2] or 0) <= now and is_free(tostring(index)) then free = free + 1 end
  end
end
if not unfinished then free = 1 end
return math.min(free, room)
