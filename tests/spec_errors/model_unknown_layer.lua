-- model_unknown_layer.lua:4: pattern: there is no layer g in this model (write pattern = { "l", "g" } and define l = rattention {...}, g = attention {...})
return model {
  layers = 4,
  pattern = { "l", "g" },
  l = rattention { heads = 4, head_dim = 16, window = 8 },
}
