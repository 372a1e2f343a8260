-- scale_infinite.lua:2: scale: inf is out of range (a scale is a positive number; leave it out for head_dim ^ -0.5)
return rattention { heads = 4, head_dim = 16, window = 8, scale = 1/0 }
