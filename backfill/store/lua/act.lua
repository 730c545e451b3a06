-- One arrow of the table. ARGV 4 action, 5 who, 6 note. Returns {1|0, state, other active run}: 0 when there is no such
-- arrow from here, when another run of the backfill is active, or when a paused run has nothing that could be retried.
local action, who, note = ARGV[4], ARGV[5], ARGV[6]
if not state() then return {0, '', ''} end
if action == 'retry' then
  local active = redis.call('GET', active_key())
  if active and active ~= run_id then return {0, state(), active} end
  if state() == 'paused' and redis.call('HLEN', quarantined_key) == 0 then return {0, 'paused', ''} end
end
if not take(action, who, note) then return {0, state(), ''} end
keep_note(action, who, note)
if action == 'resume' then accept_quarantined() end
if action == 'retry' then
  redis.call('SET', active_key(), run_id)
  for _, value in ipairs(redis.call('HVALS', quarantined_key)) do
    local unit = cjson.decode(value)
    redis.call('HSET', put_aside_key, unit.unit_id, cjson.encode({unit_id = unit.unit_id,
      range_index = unit.range_index, since_ms = now, tries = 0, due_ms = 0, counted = unit.counted, begun = unit.begun,
      rows_counted = unit.rows_counted}))
  end
  redis.call('DEL', quarantined_key)
  redis.call('HSET', run_key, 'reopened', 0)
  accept_quarantined()
  reopen_ranges()
end
rest_if_idle()
return {1, state(), ''}
