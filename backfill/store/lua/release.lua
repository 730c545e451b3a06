-- Lets a task go. ARGV 4 task, 5 token, 6 due in ms: not before then is the range handed out again.
if lease_of(ARGV[4]) ~= ARGV[5] then return 0 end
redis.call('HDEL', leases_key, ARGV[4])
if tonumber(ARGV[6]) > 0 and redis.call('EXISTS', range_key(ARGV[4])) == 1 then
  redis.call('HSET', range_key(ARGV[4]), 'due_ms', ms(now + tonumber(ARGV[6])))
  measure('throttled_ms:failures', tonumber(ARGV[6]))
end
rest_if_idle()
return 1
