# shifter_library(<layer> DIR <folder> SOURCES … HEADERS … DEPS <layers> [PRIVATE <third-party targets>])
#
# Makes the static library shifter::<layer>. DEPS are the layers that it may include; the test policy.includes
# holds every #include line to that list. Third-party libraries are PRIVATE: their types stay inside .cpp files.
# What nearly every file includes, read once: for builds that only test. The others show that each file includes what it uses.
option(SHIFTER_PRECOMPILED_HEADERS "compile the layers with precompiled standard headers" OFF)
if(SHIFTER_PRECOMPILED_HEADERS)
  add_library(shifter_common_headers STATIC ${PROJECT_SOURCE_DIR}/cmake/common_headers.cpp)
  target_link_libraries(shifter_common_headers PRIVATE shifter_settings shifter_hardening)
  # Not <filesystem>: its std::quoted is found beside shifter::quoted.
  target_precompile_headers(shifter_common_headers PRIVATE <algorithm> <array> <chrono> <condition_variable> <functional>
    <map> <memory> <mutex> <optional> <set> <span> <stdexcept> <stop_token> <string> <string_view> <thread> <utility>
    <variant> <vector>)
endif()

define_property(GLOBAL PROPERTY SHIFTER_LAYERS BRIEF_DOCS "layer lines" FULL_DOCS "one 'layer: folder: deps' line each")

function(shifter_library layer)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;DEPS;PRIVATE")
  set(target shifter_${layer})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(shifter::${layer} ALIAS ${target})
  # Headers are included as "layer/file.hpp", from the folder above the layer.
  target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
  # Each header compiles on its own. One that its .cpp includes first has shown it; for the others there is the target
  # all_verify_interface_header_sets.
  set(shown)
  set(alone)
  foreach(header IN LISTS arg_HEADERS)
    string(REGEX REPLACE "\\.hpp$" ".cpp" source ${header})
    set(first_include)
    if(source IN_LIST arg_SOURCES)
      file(STRINGS ${source} first_include LIMIT_COUNT 1 REGEX "^#include")
    endif()
    if(first_include STREQUAL "#include \"${header}\"")
      list(APPEND shown ${header})
    else()
      list(APPEND alone ${header})
    endif()
  endforeach()
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR} FILES ${shown})
  target_sources(${target} PUBLIC FILE_SET alone TYPE HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR} FILES ${alone})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON INTERFACE_HEADER_SETS_TO_VERIFY alone)
  target_link_libraries(${target} PUBLIC shifter_settings shifter_hardening)
  foreach(dep IN LISTS arg_DEPS)
    target_link_libraries(${target} PUBLIC shifter::${dep})
  endforeach()
  target_link_libraries(${target} PRIVATE ${arg_PRIVATE})
  if(SHIFTER_PRECOMPILED_HEADERS)
    target_precompile_headers(${target} REUSE_FROM shifter_common_headers)
  endif()
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${layer})
  list(JOIN arg_DEPS " " deps)
  set_property(GLOBAL APPEND PROPERTY SHIFTER_LAYERS "${layer}: ${folder}: ${deps}")
endfunction()

function(shifter_write_layers file)
  get_property(lines GLOBAL PROPERTY SHIFTER_LAYERS)
  list(JOIN lines "\n" text)
  file(WRITE ${file} "${text}\n")
endfunction()
