-- Whoever has taken an entry is still at it. ARGV 4 backfill, 5 group, 6 reader, 7 id. Returns 0 where it is another's.
local key, group, reader, id = prefix .. ':outbox:' .. ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local pending = redis.call('XPENDING', key, group, id, id, 1)[1]
if not pending or pending[2] ~= reader then return 0 end
redis.call('XCLAIM', key, group, reader, 0, id, 'JUSTID')
return 1
