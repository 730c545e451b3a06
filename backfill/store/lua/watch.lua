-- The monitor's role: who looks at the database for everybody, one at a time, while a run goes by the autopilot and is
-- not outside its window. ARGV
-- 4 who, 5 for how many ms, 6 and on the names of backfills. Returns {1|0, now, {id, lanes, ...}, {limit, value, ...},
-- {signal, JSON, ...}, the last effort, when it was published}.
local key = prefix .. ':autopilot'
local owner, till = string.match(redis.call('HGET', key, 'monitor') or '', '^(%S+) (%d+)$')
local at_work = {queued = true, running = true, verifying = true, pausing = true, cancelling = true}
local runs = {}
for index = 6, #ARGV do
  local id = redis.call('GET', prefix .. ':active:' .. ARGV[index])
  local fields = id and redis.call('HMGET', prefix .. ':run:' .. id, 'state', 'pace', 'phases')
  if fields and fields[1] and at_work[fields[1]] and (closes_at(fields[3]) or fields[1] == 'cancelling') then
    local pace = cjson.decode(fields[2])
    if pace.mode == 'autopilot' then
      runs[#runs + 1] = id
      runs[#runs + 1] = pace.parallel
    end
  end
end
if #runs == 0 then
  if owner == ARGV[4] then redis.call('HDEL', key, 'monitor') end
  return {0, ms(now)}
end
if owner and owner ~= ARGV[4] and tonumber(till) > now then return {0, ms(now)} end
redis.call('HSET', key, 'monitor', ARGV[4] .. ' ' .. ms(now + tonumber(ARGV[5])))
local last = redis.call('HMGET', key, 'effort', 'at_ms')
return {1, ms(now), runs, redis.call('HGETALL', key .. ':limits'), redis.call('HGETALL', key .. ':off'), last[1] or '',
  last[2] or '0'}
