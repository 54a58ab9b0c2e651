# shifter_library(<layer> DIR <folder> SOURCES … HEADERS … DEPS <layers> [PRIVATE <third-party targets>])
#
# Makes the static library shifter::<layer>. DEPS are the layers that it may include; the test policy.includes
# holds every #include line to that list. Third-party libraries are PRIVATE: their types stay inside .cpp files.
define_property(GLOBAL PROPERTY SHIFTER_LAYERS BRIEF_DOCS "layer lines" FULL_DOCS "one 'layer: folder: deps' line each")

function(shifter_library layer)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;DEPS;PRIVATE")
  set(target shifter_${layer})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(shifter::${layer} ALIAS ${target})
  # Headers are included as "layer/file.hpp", from the folder above the layer.
  target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
  # Each header compiles on its own: target all_verify_interface_header_sets.
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR} FILES ${arg_HEADERS})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(${target} PUBLIC shifter_settings shifter_hardening)
  foreach(dep IN LISTS arg_DEPS)
    target_link_libraries(${target} PUBLIC shifter::${dep})
  endforeach()
  target_link_libraries(${target} PRIVATE ${arg_PRIVATE})
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${layer})
  list(JOIN arg_DEPS " " deps)
  set_property(GLOBAL APPEND PROPERTY SHIFTER_LAYERS "${layer}: ${folder}: ${deps}")
endfunction()

function(shifter_write_layers file)
  get_property(lines GLOBAL PROPERTY SHIFTER_LAYERS)
  list(JOIN lines "\n" text)
  file(WRITE ${file} "${text}\n")
endfunction()
