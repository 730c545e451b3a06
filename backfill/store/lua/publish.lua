-- What the autopilot lets runs do from now on, by whoever has the role. ARGV 4 who, 5 lanes of each run, 6 what stops
-- the work, as a sentence, or '', 7 its signal, 8 for how many ms no batch is to be begun, 9 all of it as JSON, 10 the lanes
-- of all, 11 for how many ms it is believed, 12 ms that a batch takes at most or 0, 13 the database whose server it is about,
-- 14 and on the runs that it is about. Returns {1|0 whether the role is still held, 1|0 whether work may begin that could
-- not before}. Events are for what changes; time is counted while it is throttled.
local key = board_of(ARGV[13])
if not key then return {0, 0} end
local owner = string.match(redis.call('HGET', key, 'monitor') or '', '^(%S+) ')
if owner ~= ARGV[4] then return {0, 0} end
local stopped, signal, believed = ARGV[6], ARGV[7], tonumber(ARGV[11])
local before = redis.call('HMGET', key, 'at_ms', 'stopped_by', 'stopped_signal', 'stopped_since_ms', 'runs')
local last = tonumber(before[1] or 0)
local passed = math.min(math.max(now - last, 0), believed)
local since = (signal ~= '' and signal == before[3]) and before[4] or ms(now)
redis.call('HSET', key, 'at_ms', ms(now), 'share', ARGV[5], 'effort', ARGV[10], 'stopped_by', stopped,
  'stopped_signal', signal, 'stopped_since_ms', since, 'quiet_until_ms', ms(now + tonumber(ARGV[8])), 'document', ARGV[9],
  'batch_ms', ARGV[12], 'runs', ms(now) .. ' ' .. table.concat(ARGV, ' ', 14) .. ' ')

local function tell(id)
  local run = prefix .. ':run:' .. id
  local told = redis.call('HGET', run, 'autopilot_told') or ''
  if told ~= '' then
    redis.call('HINCRBY', run, 'throttled_ms', ms(passed))
    redis.call('HINCRBY', prefix .. ':metrics:' .. name_at(redis.call('HGET', run, 'backfill')), 'throttled_ms:' .. told, ms(passed))
  end
  if signal ~= '' then
    hold_back(run, stopped)
  elseif told ~= '' then
    let_go_on(run)
  end
  if signal == told then return end
  redis.call('HSET', run, 'autopilot_told', signal)
  redis.call('XADD', run .. ':events', 'MAXLEN', '~', 1000, '*', 'kind', signal ~= '' and 'throttled' or 'unthrottled',
    'at_ms', ms(now), 'reason', signal ~= '' and stopped or told)
end

local joins = false
for index = 14, #ARGV do
  joins = joins or not string.find(before[5] or '', ' ' .. ARGV[index] .. ' ', 1, true)
  tell(ARGV[index])
end
local newest = redis.call('LINDEX', key .. ':history', -1)
if not newest or now - tonumber(cjson.decode(newest).at_ms) >= 1000 then
  local sample = {at_ms = ms(now), effort = ARGV[10], stopped = signal, charted = cjson.decode(ARGV[9]).charted}
  redis.call('RPUSH', key .. ':history', cjson.encode(sample))
  redis.call('LTRIM', key .. ':history', -600, -1)
end
local could = before[2] == '' and now - last <= believed
return {1, (stopped == '' and (joins or not could)) and 1 or 0}
