-- What somebody beside the engine has to say of a run, as an event. ARGV 4 kind, then names and values. Returns 0 for an unknown run.
if not state() then return 0 end
local about = {}
for place = 5, #ARGV do about[#about + 1] = ARGV[place] end
event(ARGV[4], unpack(about))
return 1
