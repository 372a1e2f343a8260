-- The attention of examples/train: small, with a window that a line of the text is longer than.
return rattention {
  name = "train",
  heads = 4, kv_heads = 2, head_dim = 16,
  window = 16,
  feature_map = "softmax2",
  rope = { theta = 10000, style = "interleaved" },
  dtype = "fp32",
}
