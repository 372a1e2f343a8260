-- endless_map.lua:4: feature_map: stopped after 20 million instructions (a spec is data: look for an endless loop)
return rattention { heads = 4, head_dim = 16, window = 8,
  feature_map = function(x)
    while true do end
  end }
