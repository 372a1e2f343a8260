-- endless_loop.lua:4: stopped after 20 million instructions (a spec is data: look for an endless loop)
local n = 0
while true do
  n = n + 1
end
