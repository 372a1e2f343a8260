-- The layer that the texts beside this file are about: small enough to read its IR.
return rattention {
  name = "layer",
  heads = 2, kv_heads = 1, head_dim = 4,
  window = 6,
  feature_map = "relu",
  norm = false,
  dtype = "fp32",
}
