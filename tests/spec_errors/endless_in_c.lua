-- endless_in_c.lua: evaluating the spec took longer than 1 s of processor time (a spec is data: look for a loop that does not end)
-- table.insert moves a million values a call: hardly any hook runs, so that the process is stopped
local t = {}
for i = 1, 1000000 do t[i] = true end
while true do
  table.insert(t, 1, true)
  table.remove(t, 1)
end
