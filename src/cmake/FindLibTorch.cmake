# Imports LibTorch from a PyPI wheel or an unpacked LibTorch, without torch's own TorchConfig.cmake (which fails without
# nvcc, and with CMake 3.25 in C++20).
#
# A root is a folder with include/ and lib/, or one that holds such a folder as torch/ or as
# lib/python3*/site-packages/torch. Taken is what LibTorch_ROOT (CMake variable, else environment) names; without it the
# virtual environment .venv beside CMakeLists.txt, else the torch that python3 imports.
#
# Gives: LibTorch_FOUND, LibTorch_VERSION, LibTorch_LIBRARY_DIRS and the target LibTorch::LibTorch. With
# AUTOSAMPLING_CUDA that has libtorch_cuda, libc10_cuda and the CUDA runtime too, and there are LibTorch_CUDART_LIBRARY,
# the runtime alone, and LibTorch_CUDA_COMPILE_OPTIONS for files that include headers of the runtime or of NCCL: the
# target hasn't them, so that all other files are compiled as without AUTOSAMPLING_CUDA. All this comes from the wheel's
# dependencies, so that a toolkit of the machine, often of another version, isn't taken by chance; CUDAToolkit_ROOT
# names one on purpose. NCCL isn't linked: the program looks its functions up in the library that LibTorch has loaded.

# Sets `result` to the LibTorch folder under one of the roots, or to "".
function(_libtorch_find_home result)
  foreach(root IN LISTS ARGN)
    file(GLOB sites "${root}/lib/python3*/site-packages/torch" "${root}/lib64/python3*/site-packages/torch")
    foreach(home IN LISTS sites ITEMS "${root}" "${root}/torch")
      if(EXISTS "${home}/include/torch/csrc/api/include/torch/torch.h")
        get_filename_component(home "${home}" ABSOLUTE)
        set(${result} "${home}" PARENT_SCOPE)
        return()
      endif()
    endforeach()
  endforeach()
  set(${result} "" PARENT_SCOPE)
endfunction()

set(_libtorch_named "${LibTorch_ROOT}")
if(NOT _libtorch_named)
  set(_libtorch_named "$ENV{LibTorch_ROOT}")
endif()
if(_libtorch_named)
  _libtorch_find_home(LibTorch_HOME "${_libtorch_named}")
  set(_libtorch_no_home "${_libtorch_named}, which LibTorch_ROOT names, holds no include/torch with the C++ interface: \
name an unpacked LibTorch, or a virtual environment with torch.")
else()
  _libtorch_find_home(LibTorch_HOME "${PROJECT_SOURCE_DIR}/.venv")
  find_program(LibTorch_PYTHON python3)
  if(NOT LibTorch_HOME AND LibTorch_PYTHON)
    execute_process(
      COMMAND "${LibTorch_PYTHON}" -c
              "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE _libtorch_package OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(_libtorch_package)
      _libtorch_find_home(LibTorch_HOME "${_libtorch_package}")
    endif()
  endif()
  set(_libtorch_no_home "Name its folder by -DLibTorch_ROOT=DIR, or let jobs/setup.sh put it into .venv.")
endif()

# Sets `result` to a library file in the LibTorch folder where it exists.
function(_libtorch_library result name)
  set(file "${LibTorch_HOME}/lib/${CMAKE_SHARED_LIBRARY_PREFIX}${name}${CMAKE_SHARED_LIBRARY_SUFFIX}")
  if(LibTorch_HOME AND EXISTS "${file}")
    set(${result} "${file}" PARENT_SCOPE)
  endif()
endfunction()

_libtorch_library(LibTorch_CPU_LIBRARY torch_cpu)
_libtorch_library(LibTorch_C10_LIBRARY c10)
set(_libtorch_reason)
if(NOT LibTorch_HOME)
  set(_libtorch_reason "${_libtorch_no_home}")
endif()
set(_libtorch_required LibTorch_HOME LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)

if(LibTorch_HOME)
  # Since 2.9 the numbers are in headeronly/version.h, and the older file includes it.
  foreach(_libtorch_header IN ITEMS headeronly/version.h csrc/api/include/torch/version.h)
    if(EXISTS "${LibTorch_HOME}/include/torch/${_libtorch_header}")
      file(STRINGS "${LibTorch_HOME}/include/torch/${_libtorch_header}" _libtorch_lines
           REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
      if(_libtorch_lines MATCHES "MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+)")
        set(LibTorch_VERSION "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3}")
        break()
      endif()
    endif()
  endforeach()
endif()

# A LibTorch with the C++ ABI from before GCC 5 can't be linked with the other libraries.
if(LibTorch_C10_LIBRARY)
  file(STRINGS "${LibTorch_C10_LIBRARY}" LibTorch_CXX11_ABI REGEX "3c105ErrorC.*NSt7__cxx1112basic_string" LIMIT_COUNT 1)
  list(APPEND _libtorch_required LibTorch_CXX11_ABI)
  if(NOT LibTorch_CXX11_ABI)
    set(_libtorch_reason "${LibTorch_C10_LIBRARY} has the old C++ ABI: take a build with the C++11 ABI.")
  endif()
endif()

if(AUTOSAMPLING_CUDA)
  _libtorch_library(LibTorch_CUDA_LIBRARY torch_cuda)
  _libtorch_library(LibTorch_C10_CUDA_LIBRARY c10_cuda)
  file(GLOB _libtorch_cuda_roots "${LibTorch_HOME}/../nvidia/cu[0-9]*")
  set(_libtorch_cuda_roots ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT} ${_libtorch_cuda_roots})
  find_path(LibTorch_CUDART_INCLUDE_DIR cuda_runtime_api.h PATHS ${_libtorch_cuda_roots} PATH_SUFFIXES include
            NO_DEFAULT_PATH)
  find_path(LibTorch_CUDA_CRT_INCLUDE_DIR crt/host_defines.h PATHS ${_libtorch_cuda_roots} PATH_SUFFIXES include
            NO_DEFAULT_PATH)
  find_path(LibTorch_CUDA_CCCL_INCLUDE_DIR nv/target PATHS ${_libtorch_cuda_roots} PATH_SUFFIXES include include/cccl
            NO_DEFAULT_PATH)
  find_library(LibTorch_CUDART_LIBRARY NAMES cudart libcudart.so.13 libcudart.so.12 PATHS ${_libtorch_cuda_roots}
               PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
  find_path(LibTorch_NCCL_INCLUDE_DIR nccl.h PATHS "${LibTorch_HOME}/../nvidia/nccl" ${_libtorch_cuda_roots}
            PATH_SUFFIXES include NO_DEFAULT_PATH)
  set(_libtorch_cuda_includes LibTorch_CUDART_INCLUDE_DIR LibTorch_CUDA_CRT_INCLUDE_DIR LibTorch_CUDA_CCCL_INCLUDE_DIR
                              LibTorch_NCCL_INCLUDE_DIR)
  mark_as_advanced(LibTorch_CUDART_LIBRARY ${_libtorch_cuda_includes})
  list(APPEND _libtorch_required LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY LibTorch_CUDART_LIBRARY
       ${_libtorch_cuda_includes})
  if(LibTorch_HOME)
    set(_libtorch_reason "AUTOSAMPLING_CUDA needs a LibTorch with CUDA, the CUDA runtime and the headers of both it and \
NCCL: let jobs/setup.sh --cuda put all into .venv (without LibTorch_ROOT), or name a toolkit by CUDAToolkit_ROOT.")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS ${_libtorch_required}
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "${_libtorch_reason}")
mark_as_advanced(LibTorch_PYTHON)

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  set(LibTorch_LIBRARY_DIRS "${LibTorch_HOME}/lib")
  set(_libtorch_includes "${LibTorch_HOME}/include" "${LibTorch_HOME}/include/torch/csrc/api/include")
  set(_libtorch_libraries "${LibTorch_CPU_LIBRARY}" "${LibTorch_C10_LIBRARY}")
  if(AUTOSAMPLING_CUDA)
    set(LibTorch_CUDA_COMPILE_OPTIONS)
    foreach(include IN LISTS _libtorch_cuda_includes)
      list(APPEND LibTorch_CUDA_COMPILE_OPTIONS "-isystem${${include}}")
    endforeach()
    list(REMOVE_DUPLICATES LibTorch_CUDA_COMPILE_OPTIONS)
    # libtorch_cuda registers its operators from static initialisers: it must stay linked though no symbol is used.
    list(APPEND _libtorch_libraries -Wl,--push-state,--no-as-needed "${LibTorch_CUDA_LIBRARY}" -Wl,--pop-state
         "${LibTorch_C10_CUDA_LIBRARY}" "${LibTorch_CUDART_LIBRARY}")
  endif()
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  # What libtorch_cpu of a CUDA wheel needs of CUDA is found at run time, by its own RPATH.
  set_target_properties(
    LibTorch::LibTorch
    PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_libtorch_includes}"
               INTERFACE_LINK_LIBRARIES "${_libtorch_libraries}"
               INTERFACE_LINK_OPTIONS -Wl,--allow-shlib-undefined)
endif()
