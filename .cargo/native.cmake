# What the C libraries that are built with CMake (libaom, libavif, libjpeg-turbo) are built with in
# release. Their hot loops are intrinsics and assembly, which -O3 leaves as they are; for the rest it
# takes a fifth longer to compile than -O2, and no faster picture came of it. -O1 is a fifth slower at AVIF.
# Nor does a compiler that looks for loops to vectorise find any that matter.
set(CMAKE_C_FLAGS_RELEASE "-O2 -fno-tree-vectorize -DNDEBUG" CACHE STRING "")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -fno-tree-vectorize -DNDEBUG" CACHE STRING "")

# Parts of libaom that no still image uses.
set(CONFIG_DENOISE 0 CACHE STRING "")
set(CONFIG_LIBYUV 0 CACHE STRING "")

set(CMAKE_PROJECT_libjpeg-turbo_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/libjpeg-turbo.cmake" CACHE FILEPATH "")
