-- map_concat_operator.lua:3: feature_map: a vector does not have this operator (use + - * / and the functions of feature maps)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) return x .. x end }
