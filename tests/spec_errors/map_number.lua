-- map_number.lua:3: feature_map: the function returns the number 3 (a feature map ends with `return` and one vector, such as `return concat(a, b)`)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) return 3 end }
