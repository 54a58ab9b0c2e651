# Before CPack packs: folders are for all, whatever the umask of who packs. CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS is no
# way to say so: CMake hands it to mkdir(2), where the umask takes from it.
file(GLOB_RECURSE entries LIST_DIRECTORIES true ${CPACK_TEMPORARY_DIRECTORY}/*)
foreach(entry IN LISTS entries)
  if(IS_DIRECTORY ${entry} AND NOT IS_SYMLINK ${entry})
    file(CHMOD ${entry} DIRECTORY_PERMISSIONS
      OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endif()
endforeach()
