shifter_integration_tests(api service abuse platforms status_page)
