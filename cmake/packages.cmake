# Debian packages of one build: shifter-runtime, shifter-client, shifter-gateway, shifter-docs and, where it is built,
# shifter-slurm.
#
#   cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr && cmake --build --preset release && cd build/release && cpack
#
# Programs know their paths from birth, so a package belongs to the prefix that it was built for. tests/integration/packages
# looks at the packages, and tests/run packages installs them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME shifter)
set(CPACK_PACKAGE_VENDOR "the maintainers of shifter")
set(CPACK_PACKAGE_CONTACT "the maintainers of shifter <root@localhost>" CACHE STRING "who answers for packages of this build")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/before_packing.cmake)

# shifter_package(<component> <description> [NAME=VALUE of CPACK_DEBIAN_<component>_PACKAGE_… …] [CONFFILES <file> …]
# [SCRIPTS <maintainer script in etc/debian/component> …])
set(CPACK_COMPONENTS_ALL)
function(shifter_package component description)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "FIELDS;CONFFILES;SCRIPTS")
  string(TOUPPER ${component} upper)
  set(control ${PROJECT_BINARY_DIR}/debian/${component})
  set(files)
  foreach(script IN LISTS arg_SCRIPTS)
    configure_file(${PROJECT_SOURCE_DIR}/etc/debian/${component}/${script} ${control}/${script} @ONLY)
    list(APPEND files ${control}/${script})
  endforeach()
  if(arg_CONFFILES)
    list(JOIN arg_CONFFILES "\n${SHIFTER_SYSCONFDIR}/" lines)
    file(CONFIGURE OUTPUT ${control}/conffiles CONTENT "${SHIFTER_SYSCONFDIR}/${lines}\n")
    list(APPEND files ${control}/conffiles)
  endif()
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} PARENT_SCOPE)
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${description}" PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME shifter-${component} PARENT_SCOPE)
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA ${files} PARENT_SCOPE)
  foreach(field IN LISTS arg_FIELDS)
    string(REGEX MATCH "^([A-Z]+)=(.*)$" ignored "${field}")
    set(CPACK_DEBIAN_${upper}_PACKAGE_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}" PARENT_SCOPE)
  endforeach()
endfunction()

shifter_package(runtime "runs commands in containers made from images, for compute nodes"
  CONFFILES udiRoot.conf.example SCRIPTS postrm
  FIELDS "RECOMMENDS=shifter-client" "SUGGESTS=xfsprogs")
shifter_package(docs "the pages about shifter, and sample configurations"
  FIELDS "ARCHITECTURE=all" "SHLIBDEPS=OFF")
if(SHIFTER_BUILD_GATEWAY)
  shifter_package(client "shifterimg, which asks the image gateway"
    FIELDS "DEPENDS=munge")
  shifter_package(gateway "the image gateway: from registries to squashfs files"
    CONFFILES imagemanager.json.example SCRIPTS postinst prerm postrm
    FIELDS "DEPENDS=munge, ca-certificates, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles"
           "SUGGESTS=postgresql")
endif()
if(TARGET shifter_slurm)
  # Slurm refuses a plugin of another release (22.05, whatever comes behind); the plugin and the runtime are of one release.
  math(EXPR next_minor "${slurm_minor} + 1")
  if(next_minor LESS 10)
    string(PREPEND next_minor 0)
  endif()
  math(EXPR next_patch "${PROJECT_VERSION_PATCH} + 1")
  set(next_version ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}.${next_patch})
  string(CONCAT depends "shifter-runtime (>= ${PROJECT_VERSION}), shifter-runtime (<< ${next_version}~), shifter-client, "
    "slurm-client (>= ${slurm_version}), slurm-client (<< ${slurm_major}.${next_minor})")
  shifter_package(slurm "containers in Slurm jobs: the plugin, for nodes and login nodes"
    SCRIPTS prerm FIELDS "DEPENDS=${depends}"
    "SUGGESTS=munge, openssh-client, openssh-server, patchelf") # for enable_sshd
endif()
include(CPack)
