shifter_integration_tests(life ends imports load soak takeover)
