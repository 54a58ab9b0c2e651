# Packages of the plugin need Slurm's headers, which tests/run integration alone does not install.
if(TARGET shifter_slurm)
  shifter_integration_tests(packages content)
  set_property(TEST integration.packages.content APPEND PROPERTY ENVIRONMENT SHIFTER_TEST_BUILD=${PROJECT_BINARY_DIR})
endif()
