# librattan_rt, the runtime of ahead-of-time libraries, from base/ and runtime/ alone: rt/MACHINE/librattan_rt.{so.1,a} for
# this machine and, where a cross compiler is installed, for the others.
# Out: target rattan_rt; RATTAN_RT_MACHINES, this machine first.
# Always: one object, in which rattan_rt_* alone is left to see, makes both, so that no name of it meets anyone else's.
file(GLOB rt_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/*.c ${CMAKE_SOURCE_DIR}/runtime/*.c)
list(FILTER rt_sources EXCLUDE REGEX "/(cache|cache_disk|cache_sweep|key|suggest|weighted_rows)\\.c$")
file(GLOB rt_headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/base/*.h ${CMAKE_SOURCE_DIR}/runtime/*.h)
list(APPEND rt_headers ${CMAKE_SOURCE_DIR}/include/rattan/rattan_rt.h ${CMAKE_SOURCE_DIR}/cmake/rattan_rt.map)
find_file(XXHASH_H xxhash.h HINTS ${XXHASH_INCLUDE_DIRS} REQUIRED)
configure_file(${XXHASH_H} ${CMAKE_BINARY_DIR}/generated/xxhash/xxhash.h COPYONLY) # a cross compiler does not look where it lies
set(rt_flags -std=c11 -O3 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -D_GNU_SOURCE
    -DRATTAN_VERSION="${PROJECT_VERSION}" -I${CMAKE_SOURCE_DIR} -I${CMAKE_SOURCE_DIR}/include
    -isystem ${CMAKE_BINARY_DIR}/generated/xxhash)
set(RATTAN_RT_MACHINES)
set(rt_files)

function(rattan_runtime machine compiler objcopy ar)
  set(folder ${CMAKE_BINARY_DIR}/rt/${machine})
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${folder}/rattan_rt.o ${folder}/librattan_rt.so.1 ${folder}/librattan_rt.a
    COMMAND ${compiler} ${rt_flags} -r -nostdlib ${rt_sources} -o rattan_rt.o
    COMMAND ${objcopy} --localize-hidden --strip-unneeded rattan_rt.o
    COMMAND ${compiler} -shared rattan_rt.o -o librattan_rt.so.1 -Wl,-soname,librattan_rt.so.1 -Wl,--gc-sections -Wl,-O1
            -Wl,--as-needed -Wl,-z,defs -Wl,-z,now -Wl,-z,noexecstack -Wl,--build-id=sha1 -s
            -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/rattan_rt.map -lpthread -ldl -lm
    COMMAND ${CMAKE_COMMAND} -E rm -f librattan_rt.a
    COMMAND ${ar} crD librattan_rt.a rattan_rt.o
    COMMAND ${CMAKE_COMMAND} -E create_symlink librattan_rt.so.1 librattan_rt.so
    DEPENDS ${rt_sources} ${rt_headers} WORKING_DIRECTORY ${folder} COMMENT "Building librattan_rt for ${machine}" VERBATIM)
  set(RATTAN_RT_MACHINES ${RATTAN_RT_MACHINES} ${machine} PARENT_SCOPE)
  set(rt_files ${rt_files} ${folder}/librattan_rt.so.1 ${folder}/librattan_rt.a PARENT_SCOPE)
endfunction()

string(REGEX REPLACE "^(arm64)$" "aarch64" host_machine "${CMAKE_SYSTEM_PROCESSOR}")
rattan_runtime(${host_machine} ${CMAKE_C_COMPILER} ${CMAKE_OBJCOPY} ${CMAKE_AR})
foreach(machine x86_64 aarch64)
  find_program(CROSS_${machine} ${machine}-linux-gnu-gcc)
  if(NOT machine STREQUAL host_machine AND CROSS_${machine} AND NOT RATTAN_RUNTIME_ONLY)
    rattan_runtime(${machine} ${CROSS_${machine}} ${machine}-linux-gnu-objcopy ${machine}-linux-gnu-ar)
  endif()
endforeach()
add_custom_target(rattan_rt ALL DEPENDS ${rt_files})

# As part of the program: what `rattan aot` puts beside each library.
set(AOT_RUNTIMES_C ${CMAKE_BINARY_DIR}/generated/aot_runtimes.c)
set(rt_parts)
set(rt_names)
set(rt_rows)
foreach(machine ${RATTAN_RT_MACHINES})
  foreach(kind so.1 a)
    string(REPLACE ".1" "" name rt_${machine}_${kind})
    string(APPEND rt_parts "    \".globl ${name}\\n.globl ${name}_end\\n.hidden ${name}\\n.hidden ${name}_end\\n${name}:\\n\"\n"
           "    \".incbin \\\"${CMAKE_BINARY_DIR}/rt/${machine}/librattan_rt.${kind}\\\"\\n${name}_end:\\n.byte 0\\n\"\n")
    string(APPEND rt_names "extern const uint8_t ${name}[], ${name}_end[];\n")
  endforeach()
  string(APPEND rt_rows "    {\"${machine}\", rt_${machine}_so, rt_${machine}_so_end, rt_${machine}_a, rt_${machine}_a_end},\n")
endforeach()
file(GENERATE OUTPUT ${AOT_RUNTIMES_C} CONTENT "/* Made by cmake/runtime.cmake. */
#include \"driver/aot.h\"

__asm__(\".pushsection .rodata.rattan_rt,\\\"a\\\"\\n\"
${rt_parts}    \".popsection\\n\");
${rt_names}
const AotRuntime aot_runtimes[] = {
${rt_rows}    {0}};
")
set(AOT_HEADER_C ${CMAKE_BINARY_DIR}/generated/aot_runtime_header.c)
add_custom_command(OUTPUT ${AOT_HEADER_C}
  COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_SOURCE_DIR}/include/rattan/rattan_rt.h -DNAME=aot_runtime_header -DOUT=${AOT_HEADER_C}
          -P ${CMAKE_SOURCE_DIR}/cmake/embed_text.cmake
  DEPENDS include/rattan/rattan_rt.h cmake/embed_text.cmake COMMENT "Embedding rattan_rt.h" VERBATIM)

# rattan_add_runtimes(target): the runtimes become part of it.
function(rattan_add_runtimes target)
  target_sources(${target} PRIVATE ${AOT_RUNTIMES_C} ${AOT_HEADER_C})
  set_source_files_properties(${AOT_RUNTIMES_C} PROPERTIES OBJECT_DEPENDS "${rt_files}")
endfunction()
