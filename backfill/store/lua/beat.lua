-- A worker says that it is alive. ARGV 4 its id, 5 for how many ms it is believed; 0 takes it off the list at once;
-- 6 its record, JSON that Lua does not open. Records go with the signs of life that they belong to.
local workers_key, records_key = prefix .. ':workers', prefix .. ':worker_records'
if tonumber(ARGV[5]) > 0 then
  redis.call('ZADD', workers_key, ms(now + tonumber(ARGV[5])), ARGV[4])
  redis.call('HSET', records_key, ARGV[4], ARGV[6])
else
  redis.call('ZREM', workers_key, ARGV[4])
end
redis.call('ZREMRANGEBYSCORE', workers_key, '-inf', ms(now))
for _, id in ipairs(redis.call('HKEYS', records_key)) do
  if not redis.call('ZSCORE', workers_key, id) then redis.call('HDEL', records_key, id) end
end
return 1
