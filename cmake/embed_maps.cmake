# Writes a C file that holds the feature maps of specs/maps/ as text: cmake -DMAPS=FOLDER -DOUT=FILE -P embed_maps.cmake
file(GLOB maps ${MAPS}/*.lua)
list(SORT maps)
set(rows)
foreach(map ${maps})
  get_filename_component(name ${map} NAME_WE)
  file(READ ${map} text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n     \"" text "${text}")
  string(APPEND rows "    {\"${name}\",\n     \"${text}\"},\n")
endforeach()
file(WRITE ${OUT} "/* Made by cmake/embed_maps.cmake from specs/maps/. */
#include \"frontend/feature_map.h\"

const MapSource map_sources[] = {
${rows}};
const int map_source_count = sizeof map_sources / sizeof *map_sources;
")
