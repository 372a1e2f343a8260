-- Nothing is a power of two, and every option is on.
return rattention {
  name = "odd",
  heads = 6, kv_heads = 3,
  head_dim = 22, value_dim = 17,
  window = 13,
  feature_map = "relu2",
  rope = { theta = 12345.5, style = "half" },
  scale = 0.3,
  softcap = 5,
  sink = true,
  qk_scale = true,
  initial_state = "input",
  norm = { kind = "rms", eps = 1e-6 },
}
