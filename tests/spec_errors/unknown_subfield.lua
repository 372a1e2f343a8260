-- unknown_subfield.lua:5: rope.thetta: unknown field "rope.thetta" (did you mean rope.theta?)
return rattention {
  heads = 4, head_dim = 16, window = 8,
  rope = {
    thetta = 10000,
  },
}
