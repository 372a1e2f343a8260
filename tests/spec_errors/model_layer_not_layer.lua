-- model_layer_not_layer.lua:2: pattern: there is no layer l in this model (write pattern = { "l", "g" } and define l = rattention {...}, g = attention {...})
return model { layers = 1, pattern = { "l" }, l = { heads = 4, head_dim = 16, window = 8 } }
