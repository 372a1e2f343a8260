-- map_nests_layer.lua:2: feature_map: a layer is made inside a feature map (make layers outside of the functions of feature maps)
local function layer() return rattention { heads = 1, head_dim = 4, window = 2 } end
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) layer() return x end }
