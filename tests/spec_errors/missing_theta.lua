-- missing_theta.lua:3: rope.theta: is missing (theta is the base of the rotary frequencies, 1 to 1e15)
return rattention { heads = 4, head_dim = 16, window = 8,
  rope = { style = "half" } }
