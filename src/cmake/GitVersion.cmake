# Writes OUTPUT, a header with the commit of the checkout SOURCE_DIR and whether what the program is built from differs
# from it; only when that has changed. Run at build time by `cmake -P`.
set(hash unknown)
set(dirty false)
find_package(Git QUIET)
if(GIT_FOUND)
  set(git "${GIT_EXECUTABLE}" --no-optional-locks -C "${SOURCE_DIR}")
  # A prefix means that the checkout is another project's, which holds our sources in a folder.
  execute_process(COMMAND ${git} rev-parse --show-prefix OUTPUT_VARIABLE prefix RESULT_VARIABLE outside
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${git} rev-parse --verify HEAD OUTPUT_VARIABLE head RESULT_VARIABLE unborn
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(outside EQUAL 0 AND unborn EQUAL 0 AND prefix STREQUAL "")
    set(hash ${head})
    execute_process(COMMAND ${git} status --porcelain -- CMakeLists.txt include src OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT changes STREQUAL "")
      set(dirty true)
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT [[
#pragma once
#define AUTOSAMPLING_GIT_HASH "@hash@"
#define AUTOSAMPLING_GIT_DIRTY @dirty@
]] @ONLY)
