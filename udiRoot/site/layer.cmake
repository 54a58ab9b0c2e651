# What has been published: configuration, access lists, records, volumes, image files.
shifter_library(site
  SOURCES site/acl.cpp site/image_record.cpp site/string_list.cpp
  HEADERS site/acl.hpp site/image_record.hpp site/string_list.hpp
  DEPS base)
