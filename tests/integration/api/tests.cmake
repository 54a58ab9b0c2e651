shifter_integration_tests(api service platforms status_page ALONE abuse)
