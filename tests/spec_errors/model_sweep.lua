-- model_sweep.lua:2: l: a layer of a model has no sweeps (sweep in a spec of one layer)
return model { layers = 2, pattern = { "l" }, l = rattention { heads = 4, head_dim = 16, window = sweep { 1, 2 } } }
