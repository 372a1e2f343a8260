-- map_if.lua:5: feature_map: a vector has no values yet to compare (use relu, abs, max or min instead of a condition)
return rattention {
  heads = 4, head_dim = 16, window = 8,
  feature_map = function(x)
    if x > 0 then return x end
    return exp(x)
  end,
}
