-- window_zero.lua:5: window: 0 is out of range (a window is at least 1, the query's own key included, and at most 2^40)
-- the place is the field's line
return rattention {
  heads = 4, head_dim = 16,
  window = 0,
}
