# The one message from the caller's side to the privileged side.
shifter_library(request
  SOURCES request/run_request.cpp
  HEADERS request/run_request.hpp
  DEPS base)
