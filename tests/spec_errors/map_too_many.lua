-- map_too_many.lua:4: feature_map: the feature map has more than 256 operations (use fewer operations)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x)
    for i = 1, 300 do x = x + i end
    return x
  end }
