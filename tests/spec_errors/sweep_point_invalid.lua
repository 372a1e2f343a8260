-- sweep_point_invalid.lua:3: kv_heads (at kv_heads=3): 8 heads do not divide into 3 key/value heads (heads must be a multiple of kv_heads)
return rattention { heads = 8, head_dim = 16, window = 8,
  kv_heads = sweep { 1, 2, 3, 4 } }
