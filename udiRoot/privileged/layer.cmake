# Root is used here alone. What these files link is libc: no shared C++ runtime, nothing that reads the environment. shifter
# is static as a whole; the linker warns, which is an error, of what would load modules then.
shifter_library(privileged
  SOURCES privileged/accounts.cpp privileged/child.cpp privileged/frontend_process.cpp privileged/fuse_mount.cpp privileged/groundwork.cpp privileged/helper.cpp privileged/image_mount.cpp
          privileged/image_etc.cpp privileged/image_overlay.cpp privileged/job_root.cpp privileged/loop_device.cpp privileged/node_cache.cpp privileged/prepare.cpp privileged/privileges.cpp privileged/readback.cpp
          privileged/rootfs.cpp privileged/site_steps.cpp privileged/steps.cpp privileged/system.cpp privileged/user_namespace.cpp privileged/user_volume.cpp privileged/watchdog.cpp
  HEADERS privileged/accounts.hpp privileged/child.hpp privileged/frontend_process.hpp privileged/fuse_mount.hpp privileged/groundwork.hpp privileged/helper.hpp privileged/image_mount.hpp
          privileged/job_root.hpp privileged/loop_device.hpp privileged/prepare.hpp privileged/privileges.hpp privileged/readback.hpp privileged/rootfs.hpp
          privileged/steps.hpp privileged/system.hpp privileged/user_namespace.hpp privileged/watchdog.hpp
  DEPS base site request plan accounts command frontend)

add_executable(shifter privileged/shifter.cpp)
target_link_libraries(shifter PRIVATE shifter::privileged)
shifter_static_program(shifter)
install(TARGETS shifter DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime
  PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE SETUID)

foreach(program IN ITEMS setupRoot unsetupRoot)
  add_executable(${program} privileged/setup_root.cpp)
  target_compile_definitions(${program} PRIVATE SHIFTER_PROGRAM="${program}")
  target_link_libraries(${program} PRIVATE shifter::privileged)
  target_link_options(${program} PRIVATE -static-libstdc++ -static-libgcc -pie -Wl,--as-needed)
  install(TARGETS ${program} DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT runtime)
endforeach()
