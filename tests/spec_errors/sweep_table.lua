-- sweep_table.lua:2: a sweep has a table (write sweep { 128, 256 }: different numbers, strings or booleans)
return rattention { heads = 8, head_dim = 16, window = 8, rope = sweep { { theta = 1 } } }
