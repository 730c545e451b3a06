-- A new run, unless its backfill has an active one or the request was made before. ARGV 4 backfill, 5 pace JSON,
-- 6 who, 7 idempotency key or '', 8 note or '', 9 the name to keep it under ('': the backfill's), 10 version, 11 parameters
-- JSON or '', 12 the state that it begins in, 13 window, 14 the moment before which not, in ms, 15 the phases that follow
-- from both, '' where there is none; 16 who reads the outbox, 17 the name of its database or ''. Returns {id,
-- 'new'|'repeated'|'active'}.
local backfill, pace, who, idempotency, note = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8] or ''
local address, version, parameters = ARGV[9] or '', ARGV[10] or '', ARGV[11] or ''
local first = ARGV[12] or 'queued'
-- Asked again by the client after a lost answer.
if redis.call('EXISTS', run_key) == 1 then return {run_id, 'new'} end
local idempotency_key = prefix .. ':idempotency:' .. backfill .. ':' .. idempotency
if idempotency ~= '' then
  local earlier = redis.call('GET', idempotency_key)
  if earlier and redis.call('EXISTS', prefix .. ':run:' .. earlier) == 1 then return {earlier, 'repeated'} end
end
local active = redis.call('GET', prefix .. ':active:' .. backfill)
local going_on = active and redis.call('HGET', prefix .. ':run:' .. active, 'state')
-- A release without versions ends such a run without taking its name off the list.
if going_on and not is_done(going_on) then return {active, 'active'} end
redis.call('SET', prefix .. ':active:' .. backfill, run_id)
redis.call('HSET', run_key, 'id', run_id, 'backfill', address ~= '' and address or backfill, 'state', first,
  'pace', pace, 'requested_by', who, 'created_ms', ms(now), 'updated_ms', ms(now), 'moved_ms', ms(now), 'units_done', 0,
  'rows_done', 0, 'rows_written', 0, 'checked', 0)
if version ~= '' then redis.call('HSET', run_key, 'version', version) end
if ARGV[15] and ARGV[15] ~= '' then
  redis.call('HSET', run_key, 'window', ARGV[13], 'not_before_ms', ARGV[14], 'phases', ARGV[15])
end
if parameters ~= '' then redis.call('HSET', run_key, 'parameters', parameters) end
if (ARGV[17] or '') ~= '' then redis.call('HSET', run_key, 'database', ARGV[17]) end
redis.call('HSET', metrics_key(), 'run', run_id)
redis.call('ZADD', prefix .. ':runs', now, run_id)
if idempotency ~= '' then redis.call('SET', idempotency_key, run_id, 'EX', 86400) end
-- From the first run on nothing is lost on who reads, also what happens before a worker is alive. The group may be there.
for group in string.gmatch(ARGV[16] or 'hooks', '%S+') do
  redis.pcall('XGROUP', 'CREATE', outbox_key(), group, '$', 'MKSTREAM')
end
keep_note('enqueue', who, note)
event('state', 'state', first, 'from', '', 'action', 'enqueue', 'who', who, 'note', note)
put_out('enqueue', '', first, who, note)
return {run_id, 'new'}
