-- layer_index.lua:3: attempt to index a layer value (local 'l')
local l = rattention { heads = 4, head_dim = 16, window = 8 }
return rattention { heads = l.heads, head_dim = 16, window = 8 }
