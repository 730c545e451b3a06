-- Ranges and totals, once. ARGV 4 token, 5 units total, 6 rows total, 7 is estimate 0|1, 8 how many bytes of WAL the server has
-- ever written or '', then start and end per range.
if lease_of('plan') ~= ARGV[4] then return 0 end
-- Asked again after a lost answer: others may have moved the ranges since.
if number_of_ranges() >= 0 then return 1 end
local ranges = (#ARGV - 8) / 2
for index = 0, ranges - 1 do
  redis.call('HSET', range_key(index), 'start', ARGV[9 + 2 * index], 'end', ARGV[10 + 2 * index], 'stage', 'open',
    'cursor', '', 'check_cursor', '', 'part', '', 'sequence', 0, 'due_ms', 0)
end
redis.call('HSET', run_key, 'ranges', ranges, 'units_total', ARGV[5], 'rows_total', ARGV[6], 'estimate', ARGV[7])
if ARGV[8] ~= '' then redis.call('HSET', run_key, 'wal_at_plan', ARGV[8]) end
moved()
redis.call('RPUSH', samples_key, ms(now) .. ' 0')
event('planned', 'ranges', ms(ranges), 'units', ARGV[5], 'rows', ARGV[6])
return 1
