# Registry, conversion and catalog in a row.
shifter_library(pull
  SOURCES pull/askers.cpp pull/caretaker.cpp pull/child_process.cpp pull/credentials.cpp pull/endings.cpp
          pull/examiner.cpp pull/image_archive.cpp pull/image_facts.cpp pull/job_lines.cpp pull/layer_meter.cpp
          pull/login_box.cpp pull/login_check.cpp pull/mongo_import.cpp pull/origin.cpp pull/platforms.cpp pull/pull_job.cpp
          pull/pull_queue.cpp pull/quota.cpp pull/source.cpp pull/squashfs_file.cpp pull/unpacked_tree.cpp
          pull/upload_store.cpp pull/worker_name.cpp
  HEADERS pull/askers.hpp pull/caretaker.hpp pull/child_process.hpp pull/clock.hpp pull/credentials.hpp
          pull/endings.hpp pull/examiner.hpp pull/gateway_settings.hpp pull/image_archive.hpp pull/image_facts.hpp
          pull/job_lines.hpp pull/layer_meter.hpp pull/login_box.hpp pull/login_check.hpp pull/mongo_import.hpp
          pull/origin.hpp pull/platforms.hpp pull/pull_job.hpp pull/pull_queue.hpp pull/quota.hpp pull/source.hpp pull/squashfs_file.hpp
          pull/unpacked_tree.hpp pull/upload_store.hpp pull/worker_name.hpp
  DEPS base site oci registry layers squash catalog auth)
