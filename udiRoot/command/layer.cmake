# After the drop: what is executed, with which environment, where.
shifter_library(command
  SOURCES command/caller_state.cpp command/environment.cpp command/choice.cpp command/run.cpp command/user_hook.cpp
  HEADERS command/caller_state.hpp command/dropped.hpp command/environment.hpp command/choice.hpp command/run.hpp command/user_hook.hpp
  DEPS base site request)
