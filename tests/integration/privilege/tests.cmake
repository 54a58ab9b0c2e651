shifter_integration_tests(privilege identity mounts images faults storm accounts)
