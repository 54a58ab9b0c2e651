# Registry, conversion and catalog in a row.
shifter_library(pull
  SOURCES pull/credentials.cpp pull/image_facts.cpp pull/layer_meter.cpp pull/pull_job.cpp pull/pull_queue.cpp pull/source.cpp
  HEADERS pull/credentials.hpp pull/gateway_settings.hpp pull/image_facts.hpp pull/layer_meter.hpp pull/pull_job.hpp
          pull/pull_queue.hpp
  DEPS base site oci registry layers squash catalog auth)
