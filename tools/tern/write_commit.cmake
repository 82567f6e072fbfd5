# cmake -DSOURCE=... -DTO=commit.txt -P write_commit.cmake
#
# A file beside the program and not in it: a commit alone links nothing anew,
# and compiled models are found in caches by the program's contents.
set(commit "")
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no
  OUTPUT_VARIABLE changes ERROR_QUIET)
if(commit AND changes)
  string(APPEND commit " with changes")
elseif(NOT commit)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${TO} CONTENT "${commit}\n")
