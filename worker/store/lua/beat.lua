-- A worker says that it is alive. ARGV 4 its name, 5 for how many ms it is believed; 0 takes it off the list at once.
local workers_key = prefix .. ':workers'
if tonumber(ARGV[5]) > 0 then
  redis.call('ZADD', workers_key, ms(now + tonumber(ARGV[5])), ARGV[4])
else
  redis.call('ZREM', workers_key, ARGV[4])
end
redis.call('ZREMRANGEBYSCORE', workers_key, '-inf', ms(now))
return 1
