-- A model of 36 layers: three local ones with a residual branch, then one that sees all.
local dims = { heads = 16, kv_heads = 4, head_dim = 128 }

return model {
  name = "local_global",
  layers = 36,
  pattern = { "l", "l", "l", "g" },
  l = rattention {
    heads = dims.heads, kv_heads = dims.kv_heads, head_dim = dims.head_dim,
    window = 512,
    feature_map = "softmax2",
    rope = { theta = 500000, style = "interleaved" },
    dtype = "bf16",
  },
  g = attention {
    heads = dims.heads, kv_heads = dims.kv_heads, head_dim = dims.head_dim,
    rope = { theta = 500000, style = "interleaved" },
    norm = false,
    dtype = "bf16",
  },
}
