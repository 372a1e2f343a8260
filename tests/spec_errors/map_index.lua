-- map_index.lua:3: feature_map: a vector is not indexed (use sum, mean, max or min over all elements)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) return x[1] end }
