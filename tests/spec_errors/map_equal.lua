-- map_equal.lua:3: feature_map: a vector has no values yet to compare (use relu, abs, max or min instead of a condition)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) return x == relu(x) and x or -x end }
