# LLVM: finds it and makes the interface library rattan_llvm_libs.
# In:  RATTAN_STATIC_LLVM. An executable or shared library may override it with its property LLVM_STATIC.
# Out: rattan_llvm_libs, LLVM_INCLUDE_DIRS.
# Always: 19.1 is the tested version; newer ones are taken where it is absent. LLVM's version file refuses both a plain
#         major number and a range, so each release is asked for in turn.
foreach(version 19.1 20.1 21.1 22.1)
  string(REGEX REPLACE "\\..*" "" major ${version})
  find_package(LLVM ${version} QUIET CONFIG PATHS /usr/lib/llvm-${major}/lib/cmake/llvm)
  if(LLVM_FOUND)
    break()
  endif()
endforeach()
if(NOT LLVM_FOUND)
  message(FATAL_ERROR "LLVM 19 or newer was not found: run scripts/setup, or pass -DLLVM_DIR=<prefix>/lib/cmake/llvm")
endif()
message(STATUS "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR}")

# The static list names what llvm-c/ calls reach; CMake adds what those need.
llvm_map_components_to_libnames(static_libraries core analysis passes target x86codegen x86desc x86info
                                aarch64codegen aarch64desc aarch64info)
add_library(rattan_llvm_libs INTERFACE)
target_include_directories(rattan_llvm_libs SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
# A static LLVM starts in a few milliseconds and wants no library at run time; the shared one links in no time, which is
# what tests want. The choice is the consumer's: the property is read from the target that is being linked.
set(static "$<BOOL:$<TARGET_PROPERTY:LLVM_STATIC>>")
target_link_libraries(rattan_llvm_libs INTERFACE "$<${static}:${static_libraries}>" "$<$<NOT:${static}>:LLVM>")
