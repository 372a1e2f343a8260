-- big_string.lua: needs more than 96 MB of memory (a spec is data: look for something that grows)
local text = "x"
for i = 1, 30 do text = text .. text end
return rattention { name = text, heads = 4, head_dim = 16, window = 8 }
