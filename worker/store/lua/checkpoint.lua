-- The cursor of a range and the counts that belong to it, in one step, only under the lease. ARGV 4 index, 5 token,
-- 6 lease ms, 7 sequence, 8 advance JSON (texts inside are opaque here). A sequence seen before was applied already and
-- its answer was lost: say yes and move nothing. Returns {1|0, state, pace}.
local index, token, sequence = ARGV[4], ARGV[5], tonumber(ARGV[7])
if lease_of(index) ~= token then return {0, state() or '', redis.call('HGET', run_key, 'pace') or ''} end
local key = range_key(index)
if sequence > tonumber(redis.call('HGET', key, 'sequence')) then
  local a = cjson.decode(ARGV[8])
  local checking = redis.call('HGET', key, 'stage') == 'settled'
  if a.cursor ~= '' then redis.call('HSET', key, checking and 'check_cursor' or 'cursor', a.cursor) end
  redis.call('HSET', key, 'sequence', sequence, 'part', a.part, 'due_ms', ms(a.due_ms))
  for _, name in ipairs({'units', 'rows', 'written', 'checked'}) do redis.call('HINCRBY', key, name, a[name]) end
  redis.call('HINCRBY', run_key, 'units_done', a.units)
  redis.call('HINCRBY', run_key, 'rows_done', a.rows)
  redis.call('HINCRBY', run_key, 'rows_written', a.written)
  redis.call('HINCRBY', run_key, 'checked', a.checked)
  for unit, value in pairs(a.put_aside) do
    -- What is quarantined waits for the operator, also when verification comes across it.
    if redis.call('HEXISTS', quarantined_key, unit) == 0 then redis.call('HSET', put_aside_key, unit, value) end
  end
  for _, unit in ipairs(a.taken_back) do redis.call('HDEL', put_aside_key, unit) end
  for unit, value in pairs(a.quarantined) do
    redis.call('HDEL', put_aside_key, unit)
    redis.call('HSET', quarantined_key, unit, value)
    event('quarantined', 'unit', unit, 'about', value)
  end
  for _, value in ipairs(a.findings) do redis.call('RPUSH', findings_key, value) end
  if a.stage_done then redis.call('HSET', key, 'stage', checking and 'verified' or 'settled') end
  redis.call('HSET', run_key, 'updated_ms', ms(now))
  local last = redis.call('LINDEX', samples_key, -1)
  if not last or now - tonumber(string.match(last, '^(%d+)')) >= 1000 then
    redis.call('RPUSH', samples_key, ms(now) .. ' ' .. redis.call('HGET', run_key, 'rows_done'))
    redis.call('LTRIM', samples_key, -60, -1)
  end
end
lease(index, token, tonumber(ARGV[6]))
return {1, state(), redis.call('HGET', run_key, 'pace')}
