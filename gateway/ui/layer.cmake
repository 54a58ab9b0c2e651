# The status page: static files, which the gateway reads once when it starts.
install(FILES ui/index.html ui/status.js ui/status.css DESTINATION ${CMAKE_INSTALL_DATADIR}/shifter/ui COMPONENT gateway)
