-- Runs that ended long ago are forgotten, the oldest first, some at a time. ARGV 4 for how many ms they are kept.
-- Never one that goes on or is paused, and never the latest of its backfill. Returns how many.
local forgotten = 0
for _, id in ipairs(redis.call('ZRANGE', prefix .. ':runs', 0, 199)) do
  local key = prefix .. ':run:' .. id
  local fields = redis.call('HMGET', key, 'backfill', 'state', 'finished_ms', 'ranges')
  local backfill, current = fields[1], fields[2]
  local has_ended = is_done(current)
  local is_latest = backfill and redis.call('HGET', prefix .. ':metrics:' .. name_at(backfill), 'run') == id
  if not backfill then
    redis.call('ZREM', prefix .. ':runs', id)
  elseif has_ended and not is_latest and tonumber(fields[3]) <= now - tonumber(ARGV[4]) then
    for index = 0, tonumber(fields[4] or 0) - 1 do redis.call('DEL', key .. ':range:' .. index) end
    for _, part in ipairs({'leases', 'put_aside', 'quarantined', 'findings', 'samples', 'events', 'notes', 'marks'}) do
      redis.call('DEL', key .. ':' .. part)
    end
    redis.call('DEL', key)
    redis.call('ZREM', prefix .. ':runs', id)
    forgotten = forgotten + 1
  end
end
return forgotten
