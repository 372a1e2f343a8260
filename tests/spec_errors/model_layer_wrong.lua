-- model_layer_wrong.lua:6: head_dim: 0 is out of range (head_dim is 1 to 1024)
return model {
  layers = 2,
  pattern = { "l" },
  l = rattention { heads = 4,
                   head_dim = 0, window = 8 },
}
