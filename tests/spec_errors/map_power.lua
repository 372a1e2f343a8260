-- map_power.lua:3: feature_map: a vector has no operator ^ (write x * x, or exp(p * log(x)))
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) return x ^ 2 end }
