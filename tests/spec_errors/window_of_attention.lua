-- window_of_attention.lua:3: window: attention { } has no window (a layer with a window and a residual branch is rattention { ... })
return attention { heads = 4, head_dim = 16,
  window = 8 }
