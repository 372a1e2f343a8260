-- forbidden_metatable.lua:2: unknown name setmetatable (a spec has no io, os, load, pcall, metatables, coroutines or string patterns)
setmetatable({}, { __gc = function() while true do end end })
