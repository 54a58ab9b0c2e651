# What the container root will be, computed without one system call.
shifter_library(plan
  SOURCES plan/account.cpp plan/describe.cpp plan/mount_plan.cpp plan/user_namespace.cpp
  HEADERS plan/account.hpp plan/mount_plan.hpp plan/user_namespace.hpp
  DEPS base site request)
