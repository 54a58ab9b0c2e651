shifter_integration_tests(privilege identity mounts images faults accounts ALONE storm)
