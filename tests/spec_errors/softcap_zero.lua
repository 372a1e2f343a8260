-- softcap_zero.lua:2: softcap: 0 is out of range (a softcap is a positive number; leave it out or write false for none)
return rattention { heads = 4, head_dim = 16, window = 8, softcap = 0 }
