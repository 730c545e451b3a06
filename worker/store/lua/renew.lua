-- The heartbeat. ARGV 4 task, 5 token, 6 lease ms. Returns 1 while the lease is still this token's.
if lease_of(ARGV[4]) ~= ARGV[5] then return 0 end
lease(ARGV[4], ARGV[5], tonumber(ARGV[6]))
return 1
