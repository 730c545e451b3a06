-- When a run may work from now on. ARGV 4 window, 5 the moment before which not, in ms, 6 the phases that follow from both; ''
-- where there is none; 7 who, '' where only the phases are new, 8 note or '', 9 what the name ends with for workers that
-- know of schedules. Returns 0 for an unknown or done run.
local current = state()
if not current or is_done(current) then return 0 end
local window, not_before, phases, who = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if who == '' then
  -- Made anew by a worker, while somebody may have set another window.
  if redis.call('HGET', run_key, 'window') == window and redis.call('HGET', run_key, 'not_before_ms') == not_before then
    redis.call('HSET', run_key, 'phases', phases)
  end
  return 1
end
if phases == '' then
  redis.call('HDEL', run_key, 'window', 'not_before_ms', 'phases', 'outside')
else
  redis.call('HSET', run_key, 'window', window, 'not_before_ms', not_before, 'phases', phases)
  rename(ARGV[9])
end
redis.call('HSET', run_key, 'updated_ms', ms(now))
keep_note('set', who, ARGV[8])
event('schedule', 'window', window, 'not_before_ms', not_before, 'who', who, 'note', ARGV[8])
return 1
