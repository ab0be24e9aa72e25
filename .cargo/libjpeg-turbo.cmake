# libjpeg-turbo also builds a second library, a dozen programs and its tests, and has no option against it.
# This is read after its project() command: of its targets only turbojpeg's static library is built, with what
# that needs, and only it and its header are installed.
macro(add_executable target)
  _add_executable(${target} EXCLUDE_FROM_ALL ${ARGN})
endmacro()

macro(add_library target)
  _add_library(${target} ${ARGN})
  if(NOT "${target}" STREQUAL "turbojpeg-static")
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
endmacro()

macro(install kind)
  if("${kind};${ARGN}" MATCHES "^TARGETS;turbojpeg-static;" OR "${kind};${ARGN}" MATCHES "^FILES;[^;]*/turbojpeg\\.h;")
    _install(${kind} ${ARGN})
  endif()
endmacro()
