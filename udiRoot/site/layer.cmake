# What has been published: configuration, access lists, records, volumes, image files.
shifter_library(site
  SOURCES site/account.cpp site/acl.cpp site/config_lines.cpp site/config_names.cpp site/image_record.cpp
          site/image_store.cpp site/modules.cpp site/setters.cpp site/site_config.cpp site/site_config_file.cpp
          site/site_config_keys.cpp site/site_config_manual.cpp site/site_config_pages.cpp site/string_list.cpp site/trusted_file.cpp
          site/volume_map.cpp
  HEADERS site/account.hpp site/acl.hpp site/config_lines.hpp site/config_names.hpp site/image_record.hpp
          site/image_store.hpp site/setters.hpp site/site_config.hpp site/site_config_check.hpp site/site_config_keys.hpp site/string_list.hpp
          site/trusted_file.hpp site/volume_map.hpp
  DEPS base)
