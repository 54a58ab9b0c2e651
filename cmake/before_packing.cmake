# Before CPack packs.

# Folders are for all, whatever the umask of who packs. CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS is no
# way to say so: CMake hands it to mkdir(2), where the umask takes from it.
file(GLOB_RECURSE entries LIST_DIRECTORIES true ${CPACK_TEMPORARY_DIRECTORY}/*)
foreach(entry IN LISTS entries)
  if(IS_DIRECTORY ${entry} AND NOT IS_SYMLINK ${entry})
    file(CHMOD ${entry} DIRECTORY_PERMISSIONS
      OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  endif()
endforeach()

# Manual pages are compressed, without a time that would make each package another (Debian Policy 12.1).
list(FILTER entries INCLUDE REGEX "/share/man/man[1-8]/[^/]+\\.[1-8]$")
if(entries)
  execute_process(COMMAND gzip -9n ${entries} COMMAND_ERROR_IS_FATAL ANY)
endif()
