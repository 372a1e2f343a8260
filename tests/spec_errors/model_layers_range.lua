-- model_layers_range.lua:2: layers: 0 is out of range (a model has 1 to 65536 layers)
return model { layers = 0, pattern = { "l" }, l = rattention { heads = 4, head_dim = 16, window = 8 } }
