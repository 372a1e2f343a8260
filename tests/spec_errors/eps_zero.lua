-- eps_zero.lua:2: norm.eps: 0 is out of range (eps is 1e-30 to 1, so that a row of zeros gives zeros)
return rattention { heads = 4, head_dim = 16, window = 8, norm = { eps = 0 } }
