-- forbidden_gsub.lua:2: unknown name string.gsub (did you mean sub?)
local s = string.gsub("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ".-.-.-.-.-.-.-.-b", "")
