-- model_unknown_field.lua:3: layer: unknown field "layer" (did you mean layers?)
local l = rattention { heads = 4, head_dim = 16, window = 8 }
return model { layer = 4, layers = 4, pattern = { "l" }, l = l }
