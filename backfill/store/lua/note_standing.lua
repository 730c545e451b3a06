-- Where the database's log stands. ARGV 4 the time, from before it was asked, 5 system, 6 timeline, 7 place, 8 up to where the
-- server has followed another one, or '', 9 since when it is up. Returns -1, or how many ranges were taken back because
-- another server is the primary now. A primary of before, and another system while the known one is alive, are not heard.
local marks_key = run_key .. ':marks'
local at, system, timeline = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
if not state() or is_done(state()) then return -1 end
local known = redis.call('HMGET', run_key, 'system', 'timeline')
local newest = tonumber(string.match(redis.call('LINDEX', marks_key, -1) or '0', '^%d+'))
local is_new = known[1] and (known[1] ~= system or tonumber(known[2]) ~= timeline)
if known[1] == system and timeline < tonumber(known[2]) then return -1 end
if known[1] and known[1] ~= system and at - newest < 10000 then return -1 end

-- Up to when everything that the cursors had passed is on the new primary too; 0: nothing is known of it. Where the server
-- was restarted after the last mark, it tells where that restart has ended and not where it stopped following.
local function all_kept_until()
  if ARGV[8] == '' or known[1] ~= system or tonumber(ARGV[9]) > newest then return 0 end
  local marks = redis.call('LRANGE', marks_key, 0, -1)
  for place = #marks, 1, -1 do
    local marked, lsn = string.match(marks[place], '^(%d+) (%d+)$')
    if tonumber(lsn) <= tonumber(ARGV[8]) then return tonumber(marked) end
  end
  return 0
end

-- To its beginning, with the counts of what its cursor had passed; those of the units that are put aside are to be made again.
local function take_back(index)
  local key, given = range_key(index), {}
  for name, total in pairs({units = 'units_done', rows = 'rows_done', checked = 'checked'}) do
    given[name] = tonumber(redis.call('HGET', key, name) or 0)
    redis.call('HINCRBY', run_key, total, -given[name])
  end
  redis.call('HSET', key, 'stage', 'open', 'cursor', '', 'check_cursor', '', 'part', '', 'units', 0, 'rows', 0,
    'checked', 0)
  for _, list in ipairs({put_aside_key, quarantined_key}) do
    for _, text in ipairs(redis.call('HVALS', list)) do
      local unit = cjson.decode(text)
      if unit.range_index == index then
        unit.counted, unit.rows_counted = false, 0
        redis.call('HSET', list, unit.unit_id, cjson.encode(unit))
      end
    end
  end
  return given
end

local function fail_over()
  local until_ms, which, units, rows = all_kept_until(), {}, 0, 0
  for index = 0, number_of_ranges() - 1 do
    local fields = redis.call('HMGET', range_key(index), 'stage', 'cursor', 'part', 'at_ms', 'settled_ms')
    local is_begun = fields[1] ~= 'open' or fields[2] ~= '' or fields[3] ~= ''
    local moved_ms = tonumber(fields[1] ~= 'open' and fields[5] or fields[4] or now)
    -- In the same millisecond it may have been after the mark.
    if is_begun and moved_ms >= until_ms then
      local given = take_back(index)
      which[#which + 1], units, rows = index, units + given.units, rows + given.rows
    end
    -- Whoever is at it may have commits that it has not told of yet, and that the new primary lacks.
    redis.call('HDEL', leases_key, index)
  end
  redis.call('DEL', marks_key)
  event('failover', 'from', known[2], 'timeline', ms(timeline), 'ranges', ms(#which), 'units', ms(units), 'rows', ms(rows),
    'which', table.concat(which, ' '))
  if #which == 0 then return 0 end
  if state() == 'verifying' then take('reopen', 'engine', 'The database was failed over.') end
  reopen_ranges()
  accept_quarantined()
  redis.call('DEL', samples_key)
  redis.call('RPUSH', samples_key, ms(now) .. ' ' .. redis.call('HGET', run_key, 'rows_done'))
  moved()
  return #which
end

local taken_back = is_new and fail_over() or -1
redis.call('HSET', run_key, 'system', system, 'timeline', ms(timeline))
redis.call('RPUSH', marks_key, ms(at) .. ' ' .. ARGV[7])
redis.call('LTRIM', marks_key, -600, -1)
rest_if_idle()
return taken_back
