-- forbidden_load.lua:2: unknown name load (a spec has no io, os, load, pcall, metatables, coroutines or string patterns)
load("return 1")
