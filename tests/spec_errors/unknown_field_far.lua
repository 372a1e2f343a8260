-- unknown_field_far.lua:2: flux_capacitor: unknown field "flux_capacitor" (see the fields in the manual page rattan(1))
return rattention { heads = 4, head_dim = 16, window = 8, flux_capacitor = 1 }
