-- The end of verification. ARGV 4 task, 5 token, 6 action (succeed, fail, reopen), 7 findings JSON, 8 error or '', 9 what
-- proves that nothing was left out, JSON or ''. Returns 1 if the lease held and the arrow exists.
local task, token, action = ARGV[4], ARGV[5], ARGV[6]
if lease_of(task) ~= token then return 0 end
if not take(action, 'engine', ARGV[8]) then return 0 end
if action == 'reopen' then
  redis.call('HINCRBY', run_key, 'reopened', 1)
  reopen_ranges()
  return 1
end
if ARGV[8] ~= '' then redis.call('HSET', run_key, 'error', ARGV[8]) end
redis.call('HSET', run_key, 'verification', ARGV[7])
if (ARGV[9] or '') ~= '' then redis.call('HSET', run_key, 'proof', ARGV[9]) end
redis.call('DEL', leases_key)
return 1
