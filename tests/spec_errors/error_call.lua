-- error_call.lua:2: no such size
error("no such size")
