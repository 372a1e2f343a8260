-- forbidden_pcall.lua:2: unknown name pcall (a spec has no io, os, load, pcall, metatables, coroutines or string patterns)
pcall(function() while true do end end)
