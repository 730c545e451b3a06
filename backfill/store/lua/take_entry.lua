-- The next entry of a backfill's outbox for one group of readers: in order, one at a time over all of them. ARGV 4 name,
-- 5 group, 6 reader, 7 ms of silence after which an entry is handed out again, doubled with every try, five times
-- at most.
-- Returns {id, tries, field, value, ...}, or nothing while another one is at it, or has to wait.
local key, group, reader = prefix .. ':outbox:' .. ARGV[4], ARGV[5], ARGV[6]
redis.pcall('XGROUP', 'CREATE', key, group, '$', 'MKSTREAM')

local function handed_out(id, tries, fields) return {id, tries, unpack(fields)} end

local pending = redis.call('XPENDING', key, group, '-', '+', 1)[1]
if pending then
  local id, silent_ms, tries = pending[1], tonumber(pending[3]), tonumber(pending[4])
  if silent_ms < tonumber(ARGV[7]) * 2 ^ math.min(tries - 1, 5) then return {} end
  local claimed = redis.call('XCLAIM', key, group, reader, 0, id)[1]
  if claimed then return handed_out(claimed[1], tries + 1, claimed[2]) end
  redis.call('XACK', key, group, id)  -- it was cut off at the stream's end
  return {}
end
local found = redis.call('XREADGROUP', 'GROUP', group, reader, 'COUNT', 1, 'STREAMS', key, '>')
if not found then return {} end
local entry = found[1][2][1]
return handed_out(entry[1], 1, entry[2])
