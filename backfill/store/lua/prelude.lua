-- Shared by every script: names of keys, the clock, the table of arrows, events.
-- KEYS[1] is the prefix of all keys, ARGV[1] the time in epoch ms ('' = the server's clock, the only one that
-- all workers share), ARGV[2] the arrows as JSON {action: {source: target}}, ARGV[3] the run's id.
local prefix, run_id = KEYS[1], ARGV[3]
local arrows = cjson.decode(ARGV[2])
local run_key = prefix .. ':run:' .. run_id
local leases_key = run_key .. ':leases'
local put_aside_key = run_key .. ':put_aside'
local quarantined_key = run_key .. ':quarantined'
local findings_key = run_key .. ':findings'
local samples_key = run_key .. ':samples'
local events_key = run_key .. ':events'
local notes_key = run_key .. ':notes'

local function clock()
  if ARGV[1] ~= '' then return tonumber(ARGV[1]) end
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local now = clock()

local function range_key(index) return run_key .. ':range:' .. index end

local function event(kind, ...)
  redis.call('XADD', events_key, 'MAXLEN', '~', 1000, '*', 'kind', kind, 'at_ms', string.format('%.0f', now), ...)
end

local function is_done(current) return current == 'succeeded' or current == 'failed' or current == 'cancelled' end

local function state() return redis.call('HGET', run_key, 'state') end

local function ms(value) return string.format('%.0f', value) end

-- The record has the name with '@version' behind it where releases without versions are to leave the run alone.
local function name_at(address) return string.match(address, '^[^@]*') end

local function backfill_name() return name_at(redis.call('HGET', run_key, 'backfill')) end

-- What a backfill did over all its runs: counters that only grow and outlive every run, and which run was the last.
local function metrics_key() return prefix .. ':metrics:' .. backfill_name() end

local function active_key() return prefix .. ':active:' .. backfill_name() end

-- Every transition, for whoever does something about it: each reader has a group of its own. Written in the same step, so
-- that none is lost, whichever process asked for it.
local function outbox_key() return prefix .. ':outbox:' .. backfill_name() end

local function put_out(action, source, target, who, note)
  redis.call('XADD', outbox_key(), 'MAXLEN', '~', 10000, '*', 'run', run_id, 'backfill', backfill_name(),
    'action', action, 'from', source, 'state', target, 'at_ms', string.format('%.0f', now), 'who', who,
    'note', note or '')
end

local function measure(name, by)
  if by > 0 then redis.call('HINCRBY', metrics_key(), name, ms(by)) end
end

-- A state, a cursor or a count has changed. A heartbeat, or asking again for a unit that is still locked, moves nothing.
local function moved() redis.call('HSET', run_key, 'moved_ms', ms(now)) end

-- What somebody wrote to what they asked for; the newest are kept.
local function keep_note(action, who, note)
  if note == '' then return end
  redis.call('RPUSH', notes_key, cjson.encode({action = action, by = who, text = note, at_ms = ms(now)}))
  redis.call('LTRIM', notes_key, -50, -1)
end

-- From here on failed units are counted anew: an operator has seen those before.
local function accept_quarantined()
  local failed = redis.call('HLEN', quarantined_key)
  redis.call('HSET', run_key, 'accepted_failed', failed,
    'accepted_passed', tonumber(redis.call('HGET', run_key, 'units_done')) + failed)
end

-- What makes a run slower, or stops it, since when. What holds several up at once is told by its newest reason.
local function hold_back(key, by)
  redis.call('HSET', key, 'throttled_by', by, 'updated_ms', ms(now))
  redis.call('HSETNX', key, 'throttled_since_ms', ms(now))
end

local function let_go_on(key, ...) redis.call('HDEL', key, 'throttled_by', 'throttled_since_ms', ...) end

local asked_for = {approve = true, pause = true, resume = true, cancel = true, retry = true}

-- Takes an arrow if the table has it; says whether it did. A run that is done is no longer its backfill's active one.
local function take(action, who, note)
  local source = state()
  local target = source and arrows[action] and arrows[action][source]
  if not target then return false end
  redis.call('HSET', run_key, 'state', target, 'updated_ms', ms(now))
  redis.call('HSET', metrics_key(), 'run', run_id)
  moved()
  if asked_for[action] then
    redis.call('HSET', run_key, 'asked_action', action, 'asked_by', who, 'asked_ms', ms(now))
  end
  if action == 'approve' then redis.call('HSET', run_key, 'approved_by', who) end
  if action == 'resume' or action == 'retry' then let_go_on(run_key, 'error', 'strikes', 'due_ms') end
  if target == 'paused' then redis.call('HSET', run_key, 'paused_at_ms', ms(now)) end
  if source == 'paused' then
    local since = tonumber(redis.call('HGET', run_key, 'paused_at_ms'))
    redis.call('HINCRBY', run_key, 'paused_ms', ms(now - since))
  end
  if target == 'running' then redis.call('HSETNX', run_key, 'started_ms', ms(now)) end
  if action == 'verify' then redis.call('HSET', run_key, 'verifying_ms', ms(now)) end
  if is_done(target) then
    redis.call('HSET', run_key, 'finished_ms', ms(now))
    measure('ended:' .. target, 1)
    if redis.call('GET', active_key()) == run_id then redis.call('DEL', active_key()) end
  end
  put_out(action, source, target, who or '', note)
  event('state', 'state', target, 'from', source, 'action', action, 'who', who or '', 'note', note or '')
  return true
end

-- A server that could not be reached is given a moment, by all ranges together.
local function is_held_up() return tonumber(redis.call('HGET', run_key, 'due_ms') or 0) > now end

-- A lease is 'token until_ms'. Expired ones are not counted, but stay until somebody else takes the task.
local function lease_of(task)
  local value = redis.call('HGET', leases_key, task)
  if not value then return nil, 0 end
  local token, till = string.match(value, '^(%S+) (%d+)$')
  return token, tonumber(till)
end

local function is_free(task)
  local token, till = lease_of(task)
  return token == nil or till <= now
end

local function lease(task, token, lease_ms)
  redis.call('HSET', leases_key, task, token .. ' ' .. ms(now + lease_ms))
end

local function live_leases()
  local count = 0
  for _, task in ipairs(redis.call('HKEYS', leases_key)) do
    if not is_free(task) then count = count + 1 end
  end
  return count
end

-- An expired lease that nobody has taken is still its holder's, as long as there is room for it beside the live ones.
local function holds(task, token)
  local owner, till = lease_of(task)
  if owner ~= token then return false end
  return till > now or live_leases() < cjson.decode(redis.call('HGET', run_key, 'pace')).parallel
end

local function number_of_ranges() return tonumber(redis.call('HGET', run_key, 'ranges') or -1) end

-- Ranges with a large unit of which some rows are written and some are not; a run is not cancelled before they are done.
local function begun_ranges()
  local begun = {}
  for index = 0, number_of_ranges() - 1 do
    if (redis.call('HGET', range_key(index), 'part') or '') ~= '' then begun[index] = true end
  end
  for _, value in ipairs(redis.call('HVALS', put_aside_key)) do
    local unit = cjson.decode(value)
    if unit.begun then begun[unit.range_index] = true end
  end
  return begun
end

-- When a run may work: 'opens-closes' in epoch ms, with blanks between; not there where it may at any time. Until when it
-- may from now on, nil where it may not now; the second is when it opens next, if it is known.
local FOREVER = 8640000000000000
local function closes_at(phases)
  if not phases then return FOREVER end
  for opens, closes in string.gmatch(phases, '(%d+)-(%d+)') do
    if now < tonumber(closes) then
      if now < tonumber(opens) then return nil, tonumber(opens) end
      return tonumber(closes)
    end
  end
end

-- The same of this run. One that is being cancelled finishes what it has begun at any time.
local function open_until()
  if state() == 'cancelling' then return FOREVER end
  return closes_at(redis.call('HGET', run_key, 'phases'))
end

-- Workers of a release that cannot keep what a run asks for are to leave it alone: from now on it has a name that they do
-- not serve. None of those serves one with the last of these marks.
local APART = '@apart'
local function rename(suffix)
  local address = redis.call('HGET', run_key, 'backfill')
  if string.find(address, suffix, 1, true) or string.find(address, APART, 1, true) then return end
  local plain = name_at(address) .. '@' .. (redis.call('HGET', run_key, 'version') or '1')
  redis.call('HSET', run_key, 'backfill', suffix == '@' and plain or plain .. suffix)
end

-- Where the monitor of a database's server says what it lets runs do, as a worker has found out which server that is.
-- DATABASE_URL's is said where it was before there were others. nil: no worker has reached it yet.
local function server_of(database)
  local said = redis.call('HGET', prefix .. ':servers', database == '' and 'DATABASE_URL' or database)
  return said and string.match(said, '^(.+) %d+$')
end

local function board_of(database)
  local plain = prefix .. ':autopilot'
  if database == '' then return plain end
  local server = server_of(database)
  if not server then return nil end
  return server == server_of('') and plain or plain .. '@' .. server
end

-- Whether what was said at that moment is said of this run, too: who came after waits for the next word, as the share is
-- one of those that were there. A monitor of a release that knows of one database does not say of whom it speaks.
local function is_meant(runs, at, database)
  local said_at, ids = string.match(runs or '', '^(%d+)(.*)$')
  if said_at ~= at then return database == '' end
  return (database == '' and not string.find(ids, '%S')) or string.find(ids, ' ' .. run_id .. ' ', 1, true) ~= nil
end

-- What the autopilot lets a run do: lanes, and what stops it. nil where the pace is fixed. For want of a fresh word of the
-- monitor nobody works; a run that is being cancelled finishes what it has begun.
local FRESH_MS = 3000
local function autopilot(pace)
  if pace.mode ~= 'autopilot' or state() == 'cancelling' then return nil end
  local function nothing(why) return {lanes = 0, quiet_ms = 0, batch_ms = '', stopped = 'the autopilot: ' .. why} end
  local database = redis.call('HGET', run_key, 'database') or ''
  local board = board_of(database)
  if not board then return nothing('no worker has reached the database ' .. database .. ' yet') end
  local said = redis.call('HMGET', board, 'at_ms', 'share', 'stopped_by', 'quiet_until_ms', 'batch_ms', 'runs')
  if now - tonumber(said[1] or 0) > FRESH_MS or not is_meant(said[6], said[1], database) then
    return nothing('it has no fresh reading of the database')
  end
  return {lanes = tonumber(said[2]), quiet_ms = math.max(tonumber(said[4]) - now, 0),
    batch_ms = said[5] or '', stopped = said[3] ~= '' and said[3] or nil}
end

-- The stage that a range must be in to be worked on in this state, and which ranges count; nil: none.
local function wanted(current)
  if current == 'running' then return 'open', nil end
  if current == 'verifying' then return 'settled', nil end
  if current == 'cancelling' then return 'open', begun_ranges() end
end

-- The first range in key order that wants work, is due and is free; how many are, and whether any is unfinished.
local function free_ranges(stage, among)
  local first, free, unfinished = nil, 0, false
  for index = 0, number_of_ranges() - 1 do
    local fields = redis.call('HMGET', range_key(index), 'stage', 'due_ms')
    if fields[1] == stage and (not among or among[index]) then
      unfinished = true
      if tonumber(fields[2] or 0) <= now and is_free(tostring(index)) then
        free = free + 1
        first = first or index
      end
    end
  end
  return first, free, unfinished
end

-- Nothing in flight: a run in passing comes to rest, and a worker that was frozen past its lease is fenced off.
local function rest_if_idle()
  local current = state()
  if (current ~= 'pausing' and current ~= 'cancelling') or live_leases() > 0 then return end
  if current == 'cancelling' and next(begun_ranges()) then return end
  redis.call('DEL', leases_key)
  take('rest', 'engine')
end

-- Units that are put aside go back to work in their ranges; every other range is only verified anew.
local function reopen_ranges()
  local open = {}
  for _, value in ipairs(redis.call('HVALS', put_aside_key)) do open[cjson.decode(value).range_index] = true end
  for index = 0, tonumber(redis.call('HGET', run_key, 'ranges') or 0) - 1 do
    local key = range_key(index)
    local unfinished = redis.call('HGET', key, 'stage') == 'open' or open[index]
    redis.call('HSET', key, 'stage', unfinished and 'open' or 'settled', 'check_cursor', '', 'checked', 0, 'due_ms', 0)
  end
  redis.call('HDEL', run_key, 'error', 'verification', 'finished_ms', 'proof')
  redis.call('HSET', run_key, 'checked', 0)
  redis.call('DEL', findings_key, leases_key)
end
