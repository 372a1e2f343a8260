-- missing_field.lua:2: window: is missing (a window is at least 1, the query's own key included, and at most 2^40)
return rattention {
  heads = 4,
  head_dim = 16,
}
