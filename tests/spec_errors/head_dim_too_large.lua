-- head_dim_too_large.lua:2: head_dim: 2048 is out of range (head_dim is 1 to 1024)
return rattention { heads = 4, head_dim = 2048, window = 8 }
