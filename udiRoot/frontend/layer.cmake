# As the caller: options, variables, image lookup. The result is a RunRequest.
shifter_library(frontend
  SOURCES frontend/check_config.cpp frontend/frontend.cpp frontend/lookup.cpp frontend/mount_option.cpp frontend/options.cpp frontend/platform_images.cpp frontend/process.cpp frontend/selection.cpp
  HEADERS frontend/check_config.hpp frontend/frontend.hpp frontend/lookup.hpp frontend/mount_option.hpp frontend/options.hpp frontend/platform_images.hpp frontend/process.hpp frontend/selection.hpp
  DEPS base site request)
