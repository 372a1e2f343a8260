-- scale_nan.lua:4: scale: NaN is not a number (a scale is a positive number; leave it out for head_dim ^ -0.5)
return rattention {
  heads = 4, head_dim = 16, window = 8,
  scale = 0/0,
}
