shifter_integration_tests(privilege identity mounts images faults accounts two_users ALONE storm)
