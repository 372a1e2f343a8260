-- no_field_name.lua:2: a value without a field's name: the number 4 (write every field as name = value)
return rattention { 4, 16, 8 }
