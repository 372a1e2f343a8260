-- no_table.lua:2: rattention takes one table, not the number 4 (write the fields in braces)
return rattention(4)
