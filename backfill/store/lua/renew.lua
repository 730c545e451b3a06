-- The heartbeat. ARGV 4 task, 5 token, 6 lease ms. Returns {1, state} while the lease is still this token's, else {0, state}.
if not holds(ARGV[4], ARGV[5]) then return {0, state() or ''} end
lease(ARGV[4], ARGV[5], tonumber(ARGV[6]))
return {1, state()}
