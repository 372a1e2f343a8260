-- map_infinite_constant.lua:3: feature_map: the constant inf (use a finite number)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) return x * (1 / 0) end }
