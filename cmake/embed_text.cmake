# A text file as a C array of its bytes: cmake -DIN=file -DNAME=symbol -DOUT=file.c [-DPARTS=file,file] -P embed_text.cmake
# Where the text has @name@ of one of PARTS, that file's bytes stand instead.
file(READ ${IN} bytes HEX)
string(REPLACE "," ";" parts "${PARTS}")
foreach(part IN LISTS parts)
  get_filename_component(name ${part} NAME)
  string(HEX "@${name}@" mark)
  file(READ ${part} text HEX)
  string(REPLACE "${mark}" "${text}" bytes "${bytes}")
endforeach()
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Generated from ${NAME}. */\nconst char ${NAME}[] = {\n${bytes}0};\n")
