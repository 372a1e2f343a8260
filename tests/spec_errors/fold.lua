-- fold.lua:2: fold: 12 is no power of two (a fold is 1, 2, 4, 8, 16, 32 or 64; 1 writes the state at every step)
return rattention { heads = 4, head_dim = 16, window = 8, fold = 12 }
