-- map_wrong_function.lua:3: feature_map: bad argument #1 to 'exp' (number expected, got vector) (use the functions of feature maps: exp(x), not math.exp(x))
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) return math.exp(x) end }
