-- error_object.lua: error() was called with a table
error({ "an object" })
