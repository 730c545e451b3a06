-- Lets a task go. ARGV 4 task, 5 token, 6 due in ms: not before then is the range handed out again, or, where 7 is '1',
-- anything of the run: what failed was the server's fault, and each other range would meet the same.
if lease_of(ARGV[4]) ~= ARGV[5] then return 0 end
redis.call('HDEL', leases_key, ARGV[4])
local wait, held_up = tonumber(ARGV[6]), ''
if ARGV[7] == '1' then
  held_up = run_key
elseif redis.call('EXISTS', range_key(ARGV[4])) == 1 then
  held_up = range_key(ARGV[4])
end
if wait > 0 and held_up ~= '' then
  redis.call('HSET', held_up, 'due_ms', ms(now + wait))
  measure('throttled_ms:failures', wait)
end
rest_if_idle()
return 1
