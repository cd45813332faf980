# damon_add_cffi_module(<package> DIR <dir> SOURCES <file>...)
#
# Builds the cffi API-mode extension <package>._ffi from <dir>/ffi.cdef.txt
# (what Python may call), <dir>/ffi.prelude.c (the #includes that declare it)
# and the C sources, and installs it into the package.
# DAMON_WERROR=1 and DAMON_SANITIZE=address,undefined in the environment are heard.

get_filename_component(DAMON_INCLUDE_DIR "${CMAKE_CURRENT_LIST_DIR}/../include" ABSOLUTE)

function(damon_add_cffi_module package)
  cmake_parse_arguments(ARG "" "DIR" "SOURCES" ${ARGN})
  set(dir "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_DIR}")
  set(generated "${CMAKE_CURRENT_BINARY_DIR}/_ffi.c")
  add_custom_command(
    OUTPUT "${generated}"
    COMMAND Python::Interpreter -m cffi.gen_src read-sources "${package}._ffi"
            "${dir}/ffi.cdef.txt" "${dir}/ffi.prelude.c" "${generated}"
    DEPENDS "${dir}/ffi.cdef.txt" "${dir}/ffi.prelude.c"
    VERBATIM)

  if(SKBUILD_SABI_VERSION)
    python_add_library(_ffi MODULE USE_SABI ${SKBUILD_SABI_VERSION} WITH_SOABI "${generated}" ${ARG_SOURCES})
  else()
    python_add_library(_ffi MODULE WITH_SOABI "${generated}" ${ARG_SOURCES})
    target_compile_definitions(_ffi PRIVATE _CFFI_NO_LIMITED_API)
  endif()
  set_target_properties(_ffi PROPERTIES C_STANDARD 11 C_VISIBILITY_PRESET hidden EXPORT_COMPILE_COMMANDS ON)
  target_include_directories(_ffi PRIVATE "${dir}" "${DAMON_INCLUDE_DIR}")
  # cffi's generated code is not ours to fix: our flags are for our sources.
  set(flags -O3 -Wall -Wextra -Wstrict-prototypes)
  if("$ENV{DAMON_WERROR}")
    list(APPEND flags -Werror)
  endif()
  set_source_files_properties(${ARG_SOURCES} PROPERTIES COMPILE_OPTIONS "${flags}")
  if(DEFINED ENV{DAMON_SANITIZE})
    target_compile_options(_ffi PRIVATE -fsanitize=$ENV{DAMON_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(_ffi PRIVATE -fsanitize=$ENV{DAMON_SANITIZE})
  endif()

  string(REPLACE "." "/" destination "${package}")
  install(TARGETS _ffi DESTINATION "${destination}")
endfunction()
