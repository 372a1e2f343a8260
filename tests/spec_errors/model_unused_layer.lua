-- model_unused_layer.lua:4: g: the pattern does not have this layer (name it in the pattern, or leave it out)
local l = rattention { heads = 4, head_dim = 16, window = 8 }
return model { layers = 4, pattern = { "l" }, l = l,
  g = l }
