# Writes a C file with the fingerprint of the compiler's sources: part of every cache key, so that a kernel which an older
# or changed compiler made is never taken for one of this one, whatever the version says.
# In:  SOURCE (the tree), OUT. Out: OUT, touched only where the fingerprint changed. Paths and times do not count.
set(folders base ir frontend frontend/kinds passes codegen/*)
set(patterns ${SOURCE}/driver/compile.c ${SOURCE}/specs/maps/*.lua)
foreach(folder ${folders})
  list(APPEND patterns ${SOURCE}/${folder}/*.c ${SOURCE}/${folder}/*.h ${SOURCE}/${folder}/*.def ${SOURCE}/${folder}/*.cuh)
endforeach()
file(GLOB files RELATIVE ${SOURCE} ${patterns})
list(SORT files)
set(sums)
foreach(file ${files})
  file(SHA256 ${SOURCE}/${file} sum)
  string(APPEND sums "${file} ${sum}\n")
endforeach()
string(SHA256 fingerprint "${sums}")
string(SUBSTRING ${fingerprint} 0 16 fingerprint)
file(CONFIGURE OUTPUT ${OUT} @ONLY CONTENT [[/* Made by cmake/fingerprint.cmake. */
#include "driver/fingerprint.h"

const char COMPILER_FINGERPRINT[] = "@fingerprint@";
]])
