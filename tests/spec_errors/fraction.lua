-- fraction.lua:2: window: 8.5 is not an integer (a window is at least 1, the query's own key included, and at most 2^40)
return rattention { heads = 4, head_dim = 16, window = 8.5 }
