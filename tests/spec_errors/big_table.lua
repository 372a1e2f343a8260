-- big_table.lua: needs more than 96 MB of memory (a spec is data: look for something that grows)
local t = {}
for i = 1, 1e9 do t[i] = i end
