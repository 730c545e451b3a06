-- A reader that ends takes its name off the list, unless it was at an entry: with it, that would be forgotten. So do for
-- it the others that ended without a word, after a day. ARGV 4 backfill, 5 group, 6 reader.
local key, group, reader = prefix .. ':outbox:' .. ARGV[4], ARGV[5], ARGV[6]
if redis.call('EXISTS', key) == 0 then return 0 end
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', key, group)) do
  local one = {}
  for place = 1, #flat, 2 do one[flat[place]] = flat[place + 1] end
  local has_ended = one.name == reader or one.idle > 86400000
  if has_ended and one.pending == 0 then redis.call('XGROUP', 'DELCONSUMER', key, group, one.name) end
end
return 1
