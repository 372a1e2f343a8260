# What goes with librattan.so: its relocations packed, librattan.a for static linking, and the example programs.
# In:  rattan_shared and the folders' libraries. Out: rattan_archive, example_<name> for each examples/<name>.c, example_train.

# A static LLVM in a shared library has some 100,000 addresses to relocate at every start: packed, that takes a third.
include(CheckLinkerFlag)
check_linker_flag(C -Wl,-z,pack-relative-relocs RATTAN_PACKS_RELOCATIONS)
if(RATTAN_PACKS_RELOCATIONS)
  target_link_options(rattan_shared PRIVATE -Wl,-z,pack-relative-relocs)
endif()

set(parts rattan_driver rattan_frontend rattan_passes rattan_llvm rattan_ptx rattan_ir rattan_runtime rattan_base)
set(script "create librattan.a\n")
foreach(part ${parts})
  string(APPEND script "addlib $<TARGET_FILE:${part}>\n")
endforeach()
file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/generated/librattan.mri CONTENT "${script}save\nend\n")
add_custom_command(OUTPUT librattan.a COMMAND ${CMAKE_AR} -M < ${CMAKE_BINARY_DIR}/generated/librattan.mri
  DEPENDS ${parts} ${CMAKE_BINARY_DIR}/generated/librattan.mri COMMENT "Joining the archives to librattan.a")
add_custom_target(rattan_archive ALL DEPENDS librattan.a)

file(GLOB examples CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c)
foreach(example ${examples})
  get_filename_component(name ${example} NAME_WE)
  add_executable(example_${name} ${example})
  target_link_libraries(example_${name} PRIVATE rattan_shared)
endforeach()
file(GLOB train CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/train/*.c)
add_executable(example_train ${train})
target_link_libraries(example_train PRIVATE rattan_shared m)
