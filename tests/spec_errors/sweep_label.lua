-- sweep_label.lua:3: dtype: the label of a point is longer than 95 characters (sweep fewer fields, or shorter values)
return rattention { heads = 8, head_dim = 16, window = 8, name = sweep { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
  feature_map = sweep { "softmax2" }, dtype = sweep { "bf16" } }
