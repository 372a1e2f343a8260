-- sweep_empty.lua:2: sweep takes a table with at least one value (write sweep { 128, 256 }: different numbers, strings or booleans)
return rattention { heads = 8, head_dim = 16, window = sweep {} }
