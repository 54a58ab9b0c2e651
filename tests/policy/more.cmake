# The sample configuration and its reference page are what the table of keys makes (style: tables over code).
add_executable(site_config_pages ${CMAKE_CURRENT_LIST_DIR}/site_config_pages.cpp)
target_link_libraries(site_config_pages PRIVATE shifter::site)
foreach(page IN ITEMS sample:etc/udiRoot.conf reference:docs/reference/udiRoot.conf.md
                      manual:docs/reference/man/udiRoot.conf.5)
  string(REPLACE ":" ";" page ${page})
  list(GET page 0 kind)
  list(GET page 1 file)
  add_test(NAME policy.site_config_pages.${kind}
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/same_as_printed
            ${PROJECT_SOURCE_DIR}/${file} $<TARGET_FILE:site_config_pages> ${kind})
  set_tests_properties(policy.site_config_pages.${kind} PROPERTIES LABELS policy)
endforeach()
