-- The monitor's role on the server of a database: who looks at it for everybody, one at a time, while a run there goes by
-- the autopilot and is not outside its window. ARGV 4 who, 5 for how many ms, 6 the database, 7 the databases that the asker
-- can look at, a JSON list: where a run is on another, the role is for somebody else. 8 and on the names of backfills.
-- Returns {1|0, now, {id, lanes, database, ...}, {limit, value, ...}, {signal, JSON, ...}, the last effort, when it was
-- published, {database, ...} on that server}.
local key, plain = board_of(ARGV[6]), prefix .. ':autopilot'
if not key then return {0, ms(now)} end
local owner, till = string.match(redis.call('HGET', key, 'monitor') or '', '^(%S+) (%d+)$')
local at_work = {queued = true, running = true, verifying = true, pausing = true, cancelling = true}
local seen = {}
for _, database in ipairs(cjson.decode(ARGV[7])) do seen[database] = true end
local runs, may_look = {}, true
for index = 8, #ARGV do
  local id = redis.call('GET', prefix .. ':active:' .. ARGV[index])
  local fields = id and redis.call('HMGET', prefix .. ':run:' .. id, 'state', 'pace', 'phases', 'database')
  if fields and fields[1] and at_work[fields[1]] and (closes_at(fields[3]) or fields[1] == 'cancelling') then
    local pace, database = cjson.decode(fields[2]), fields[4] or ''
    if pace.mode == 'autopilot' and board_of(database) == key then
      runs[#runs + 1] = id
      runs[#runs + 1] = pace.parallel
      runs[#runs + 1] = database
      may_look = may_look and seen[database]
    end
  end
end
if #runs == 0 or not may_look then
  if owner == ARGV[4] then redis.call('HDEL', key, 'monitor') end
  return {0, ms(now)}
end
if owner and owner ~= ARGV[4] and tonumber(till) > now then return {0, ms(now)} end
redis.call('HSET', key, 'monitor', ARGV[4] .. ' ' .. ms(now + tonumber(ARGV[5])))

-- What holds everywhere, and then what holds on this server alone.
local function said_of(what)
  local said = redis.call('HGETALL', plain .. ':' .. what)
  for _, text in ipairs(redis.call('HGETALL', (key == plain and plain .. ':own' or key) .. ':' .. what)) do
    said[#said + 1] = text
  end
  return said
end

local here = key == plain and {''} or {}
for _, name in ipairs(redis.call('HKEYS', prefix .. ':servers')) do
  if name ~= 'DATABASE_URL' and board_of(name) == key then here[#here + 1] = name end
end
local last = redis.call('HMGET', key, 'effort', 'at_ms')
return {1, ms(now), runs, said_of('limits'), said_of('off'), last[1] or '', last[2] or '0', here}
