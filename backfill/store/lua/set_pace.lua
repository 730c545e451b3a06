-- A new pace, read by every worker with its next checkpoint. ARGV 4 pace JSON, 5 who, 6 note or ''. Returns 0 for an unknown or done run.
local current = state()
if not current or is_done(current) then return 0 end
redis.call('HSET', run_key, 'pace', ARGV[4], 'updated_ms', ms(now))
redis.call('HDEL', run_key, 'rate_next_ms')
-- Workers of a release without modes cannot keep such a pace, nor can those that look at DATABASE_URL alone on another.
if cjson.decode(ARGV[4]).mode then rename(redis.call('HEXISTS', run_key, 'database') == 1 and APART or '@') end
keep_note('set', ARGV[5], ARGV[6])
event('pace', 'pace', ARGV[4], 'who', ARGV[5], 'note', ARGV[6])
return 1
