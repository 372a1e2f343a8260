-- map_nothing.lua:4: feature_map: the function returns nothing (a feature map ends with `return` and one vector, such as `return concat(a, b)`)
return rattention {
  heads = 4, head_dim = 16, window = 8,
  feature_map = function(x) local y = relu(x) end,
}
