-- heads_not_multiple.lua:4: kv_heads: 6 heads do not divide into 4 key/value heads (heads must be a multiple of kv_heads)
return rattention {
  heads = 6,
  kv_heads = 4,
  head_dim = 16, window = 8,
}
