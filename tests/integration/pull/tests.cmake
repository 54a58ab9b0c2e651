shifter_integration_tests(pull formats references one_fetch layer_cache private_layers trees crash bad_input registry_faults storage_faults)

# Fifty stacks of random layers, the same each time, against umoci: what nobody thought of.
add_test(NAME integration.pull.random_layers
         COMMAND ${SHIFTER_PYTHON} ${PROJECT_SOURCE_DIR}/tests/support/random_image --differential 50 --seed 1000
                 --convert "$<TARGET_FILE:convert_layers> --keep")
set_tests_properties(integration.pull.random_layers PROPERTIES LABELS integration TIMEOUT 600)
