-- endless_goto.lua:2: stopped after 20 million instructions (a spec is data: look for an endless loop)
::top:: goto top
