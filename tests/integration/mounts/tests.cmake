shifter_integration_tests(mounts sites_parts node_cache hostile_images faults ALONE races
  IN_BOTH_MODES users_mounts writable_root)
