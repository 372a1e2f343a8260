-- returns_nothing.lua: the spec returns nothing (end the spec with `return rattention { ... }`, attention { ... } or model { ... })
rattention { heads = 4, head_dim = 16, window = 8 }
