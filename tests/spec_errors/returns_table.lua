-- returns_table.lua: the spec returns a table (end the spec with `return rattention { ... }`, attention { ... } or model { ... })
return { heads = 4, head_dim = 16, window = 8 }
