-- map_too_wide.lua:3: feature_map: a vector is longer than 4096 (concat fewer vectors)
return rattention { heads = 4, head_dim = 1024, window = 8,
  feature_map = function(x) return concat(x, x, x, x, x) end }
