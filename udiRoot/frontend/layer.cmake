# As the caller: options, variables, image lookup. The result is a RunRequest.
shifter_library(frontend
  SOURCES frontend/check_config.cpp frontend/frontend.cpp frontend/lookup.cpp frontend/mount_option.cpp frontend/options.cpp frontend/selection.cpp
  HEADERS frontend/check_config.hpp frontend/frontend.hpp frontend/lookup.hpp frontend/mount_option.hpp frontend/options.hpp frontend/selection.hpp
  DEPS base site request)

add_executable(shifter-frontend frontend/main.cpp)
target_link_libraries(shifter-frontend PRIVATE shifter::frontend)
shifter_static_program(shifter-frontend)
install(TARGETS shifter-frontend DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/shifter COMPONENT runtime)
