-- forbidden_rep.lua:2: unknown name string.rep (a spec has no io, os, load, pcall, metatables, coroutines or string patterns)
local deep = ("a"):rep(30)
