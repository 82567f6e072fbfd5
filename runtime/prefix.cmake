# cmake -DNM=... -DOBJCOPY=... -DFROM=libtern_host.a -DTO=... -P prefix.cmake
#
# A library whose names are all tern_..., so that none is one of the program's
# that it is linked into: host_run becomes tern__host_run. Sections, and so the
# code that a linker takes, stay as they are.
execute_process(COMMAND ${NM} --extern-only --defined-only --format=posix ${FROM}
  OUTPUT_VARIABLE listed COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n ]+ [A-Z] " symbols "${listed}")
set(map "")
foreach(symbol IN LISTS symbols)
  string(REGEX REPLACE " .*" "" symbol "${symbol}")
  # A program begins at its main.
  if(NOT symbol MATCHES "^tern_" AND NOT symbol STREQUAL "main")
    string(APPEND map "${symbol} tern__${symbol}\n")
  endif()
endforeach()
file(WRITE ${TO}.map "${map}")
execute_process(COMMAND ${OBJCOPY} --redefine-syms=${TO}.map ${FROM} ${TO}
  COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${TO}.map)
