-- A note to what the run is asked for again, which changes nothing else. ARGV 4 action, 5 who, 6 note. Returns 0 for an
-- unknown run.
if not state() then return 0 end
keep_note(ARGV[4], ARGV[5], ARGV[6])
redis.call('HSET', run_key, 'updated_ms', ms(now))
event('note', 'action', ARGV[4], 'who', ARGV[5], 'note', ARGV[6])
return 1
