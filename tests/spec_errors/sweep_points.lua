-- sweep_points.lua:5: window: the sweeps have more than 4096 points (sweep fewer values)
local many = {}
for i = 1, 100 do many[i] = i end
return rattention { heads = 100, kv_heads = 1,
  head_dim = sweep(many), window = sweep(many) }
