-- model_no_pattern.lua:2: pattern: expected a list of names, got nothing (write pattern = { "l", "g" } and define l = rattention {...}, g = attention {...})
return model { layers = 2, l = rattention { heads = 4, head_dim = 16, window = 8 } }
