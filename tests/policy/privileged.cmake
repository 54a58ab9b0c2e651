# What the set-id program may be made of: docs/explanation/privileges.md tells why.
add_test(NAME policy.syscalls COMMAND ${CMAKE_CURRENT_LIST_DIR}/syscalls ${PROJECT_SOURCE_DIR})
add_test(NAME policy.privileged_size COMMAND ${CMAKE_CURRENT_LIST_DIR}/privileged_size ${PROJECT_SOURCE_DIR})
set(privileged_tests policy.syscalls policy.privileged_size)
# Sanitizers bring libraries of their own, into builds that are never installed.
if(TARGET shifter AND NOT SHIFTER_SANITIZE)
  add_test(NAME policy.needed COMMAND ${CMAKE_CURRENT_LIST_DIR}/needed $<TARGET_FILE:shifter>
    $<TARGET_FILE:setupRoot> $<TARGET_FILE:shifter-accounts>)
  list(APPEND privileged_tests policy.needed)
endif()
set_tests_properties(${privileged_tests} PROPERTIES LABELS policy)
