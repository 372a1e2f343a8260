-- returns_two.lua: the spec returns several values (end the spec with `return rattention { ... }`, attention { ... } or model { ... })
return rattention { heads = 4, head_dim = 16, window = 8 }, 2
