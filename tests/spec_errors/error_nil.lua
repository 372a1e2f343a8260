-- error_nil.lua: error() was called with nothing
error()
