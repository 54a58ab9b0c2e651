# Conversion alone, without a registry: tests/bench/convert_layers LAYOUT RESULT (see its --help).
if(TARGET shifter_squash)
  add_executable(convert_layers ${CMAKE_CURRENT_LIST_DIR}/convert_layers.cpp)
  target_include_directories(convert_layers PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(convert_layers PRIVATE shifter::squash)
endif()
