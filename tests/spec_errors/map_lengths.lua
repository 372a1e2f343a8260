-- map_lengths.lua:4: feature_map: vectors of length 32 and 16 do not fit (operands are equally long, or one of them is a number or a vector of length 1)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x)
    return concat(x, x) + x
  end }
