shifter_integration_tests(pull formats references one_fetch trees crash bad_input)
