-- sweep_repeats.lua:2: value 3 of the sweep repeats an earlier one (write sweep { 128, 256 }: different numbers, strings or booleans)
return rattention { heads = 8, head_dim = 16, window = sweep { 1, 2, 1 } }
