# damon_add_program(<name> DESTINATION <package dir> SOURCES <file>...)
#
# Builds an executable from C sources and installs it into the package.
# DAMON_WERROR=1 and DAMON_SANITIZE=address,undefined in the environment are heard.

function(damon_add_program name)
  cmake_parse_arguments(ARG "" "DESTINATION" "SOURCES" ${ARGN})
  find_package(Threads REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE Threads::Threads)
  set_target_properties(${name} PROPERTIES C_STANDARD 11 C_EXTENSIONS ON EXPORT_COMPILE_COMMANDS ON)
  target_compile_options(${name} PRIVATE -O2 -Wall -Wextra -Wstrict-prototypes)
  if("$ENV{DAMON_WERROR}")
    target_compile_options(${name} PRIVATE -Werror)
  endif()
  if(DEFINED ENV{DAMON_SANITIZE})
    target_compile_options(${name} PRIVATE -fsanitize=$ENV{DAMON_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${name} PRIVATE -fsanitize=$ENV{DAMON_SANITIZE})
  endif()
  install(TARGETS ${name} RUNTIME DESTINATION "${ARG_DESTINATION}")
endfunction()
