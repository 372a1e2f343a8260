-- map_escaped.lua:6: feature_map: a vector is used outside of its feature map (use x and what is made from it inside the function of a feature map)
local kept
return rattention { heads = 4, head_dim = sweep { 16, 32 }, window = 8,
  feature_map = function(x)
    kept = kept or x
    return kept + 1
  end }
