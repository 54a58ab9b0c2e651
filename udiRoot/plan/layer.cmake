# What the container root will be, computed without one system call.
shifter_library(plan
  SOURCES plan/account.cpp plan/describe.cpp plan/mount_plan.cpp
  HEADERS plan/account.hpp plan/mount_plan.hpp
  DEPS base site request)
