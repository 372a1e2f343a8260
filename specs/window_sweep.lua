-- Eight layers at once: every window with every head_dim.
return rattention {
  name = "window_sweep",
  heads = 8, kv_heads = 2,
  head_dim = sweep { 64, 128 },
  window = sweep { 128, 256, 512, 1024 },
  feature_map = "softmax2",
  rope = { theta = 500000, style = "interleaved" },
}
