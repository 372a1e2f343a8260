-- forbidden_io.lua:2: unknown name io (a spec has no io, os, load, pcall, metatables, coroutines or string patterns)
local secrets = io.open("/etc/passwd")
return rattention { heads = 4, head_dim = 16, window = 8 }
