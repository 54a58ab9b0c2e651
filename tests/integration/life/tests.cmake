shifter_integration_tests(life ends load)
