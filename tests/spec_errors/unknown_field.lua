-- unknown_field.lua:4: windw: unknown field "windw" (did you mean window?)
return rattention {
  heads = 4, head_dim = 16,
  windw = 8,
}
