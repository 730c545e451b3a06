-- A failure that is not a unit's own. ARGV 4 task, 5 token, 6 reason, 7 strikes in a row that pause the run (0: never).
-- Returns the strikes so far. A checkpoint that succeeds resets them.
if lease_of(ARGV[4]) ~= ARGV[5] then return 0 end
local strikes = redis.call('HINCRBY', run_key, 'strikes', 1)
local limit = tonumber(ARGV[7])
if redis.call('HGET', run_key, 'throttled_by') ~= ARGV[6] then event('throttled', 'reason', ARGV[6]) end
hold_back(run_key, ARGV[6])
if limit > 0 and strikes >= limit and take('pause', 'engine', ARGV[6]) then
  redis.call('HSET', run_key, 'error', ARGV[6])
end
return strikes
