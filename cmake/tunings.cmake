# The tuning database that comes with rattan: tunings/*.jsonl, lines that people can read and merge, as one SQLite file. It lies in
# the build folder as in a prefix, so that the program and the library find it in both (driver/tuning_shipped.h).
file(GLOB tunings CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tunings/*.jsonl)
set(TUNINGS_DB ${CMAKE_BINARY_DIR}/share/rattan/tuning.db)
add_custom_command(OUTPUT ${TUNINGS_DB}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/share/rattan
  COMMAND rattan db pack ${tunings} -o ${TUNINGS_DB}
  DEPENDS rattan ${tunings} COMMENT "Packing tunings/" VERBATIM)
add_custom_target(rattan_tunings ALL DEPENDS ${TUNINGS_DB})
install(FILES ${TUNINGS_DB} DESTINATION ${CMAKE_INSTALL_DATADIR}/rattan)
