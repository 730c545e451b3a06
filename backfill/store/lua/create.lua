-- A new run, unless its backfill has an active one or the request was made before. ARGV 4 backfill, 5 pace JSON,
-- 6 who, 7 idempotency key or '', 8 note or ''. Returns {id, 'new'|'repeated'|'active'}.
local backfill, pace, who, idempotency, note = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8] or ''
-- Asked again by the client after a lost answer.
if redis.call('EXISTS', run_key) == 1 then return {run_id, 'new'} end
local idempotency_key = prefix .. ':idempotency:' .. backfill .. ':' .. idempotency
if idempotency ~= '' then
  local earlier = redis.call('GET', idempotency_key)
  if earlier and redis.call('EXISTS', prefix .. ':run:' .. earlier) == 1 then return {earlier, 'repeated'} end
end
local active = redis.call('GET', prefix .. ':active:' .. backfill)
if active and redis.call('EXISTS', prefix .. ':run:' .. active) == 1 then return {active, 'active'} end
redis.call('SET', prefix .. ':active:' .. backfill, run_id)
redis.call('HSET', run_key, 'id', run_id, 'backfill', backfill, 'state', 'queued', 'pace', pace, 'requested_by', who,
  'created_ms', ms(now), 'updated_ms', ms(now), 'moved_ms', ms(now), 'units_done', 0, 'rows_done', 0, 'rows_written', 0, 'checked', 0)
redis.call('HSET', metrics_key(), 'run', run_id)
redis.call('ZADD', prefix .. ':runs', now, run_id)
if idempotency ~= '' then redis.call('SET', idempotency_key, run_id, 'EX', 86400) end
keep_note('enqueue', who, note)
event('state', 'state', 'queued', 'from', '', 'action', 'enqueue', 'who', who, 'note', note)
return {run_id, 'new'}
