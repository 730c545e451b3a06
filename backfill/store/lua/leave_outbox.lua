-- A reader that ends takes its name off the list, unless it was at an entry: with it, that would be forgotten. ARGV 4
-- backfill, 5 group, 6 reader.
local key, group, reader = prefix .. ':outbox:' .. ARGV[4], ARGV[5], ARGV[6]
if redis.call('EXISTS', key) == 0 then return 0 end
if #redis.call('XPENDING', key, group, '-', '+', 1, reader) > 0 then return 0 end
return redis.call('XGROUP', 'DELCONSUMER', key, group, reader)
