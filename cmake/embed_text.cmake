# A text file as a C array of its bytes: cmake -DIN=file -DNAME=symbol -DOUT=file.c -P embed_text.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Generated from ${NAME}. */\nconst char ${NAME}[] = {\n${bytes}0};\n")
