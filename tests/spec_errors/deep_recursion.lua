-- deep_recursion.lua:2: stack overflow
local function dig(n) return 1 + dig(n + 1) end
dig(0)
