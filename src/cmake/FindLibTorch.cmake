# Imports LibTorch from a PyPI wheel or an unpacked LibTorch, without torch's own TorchConfig.cmake (which fails without
# nvcc, and with CMake 3.25 in C++20).
#
# Looked for, in this order: LibTorch_ROOT (CMake variable or environment), the virtual environment .venv beside
# CMakeLists.txt, the python3 found first. A root is a folder with include/ and lib/, or one whose
# lib/python3*/site-packages/torch or torch/ is that folder.
#
# Gives: LibTorch_FOUND, LibTorch_VERSION, LibTorch_LIBRARY_DIRS, LibTorch_CXX11_ABI, the target LibTorch::LibTorch (with
# AUTOSAMPLING_CUDA also libtorch_cuda, libc10_cuda and the CUDA runtime's headers from the wheel's dependencies).

set(_libtorch_candidates)
foreach(root IN ITEMS "${LibTorch_ROOT}" "$ENV{LibTorch_ROOT}" "${PROJECT_SOURCE_DIR}/.venv")
  if(root)
    file(GLOB _site "${root}/lib/python3*/site-packages/torch" "${root}/lib64/python3*/site-packages/torch")
    list(APPEND _libtorch_candidates "${root}" ${_site} "${root}/torch")
    if(root STREQUAL "${LibTorch_ROOT}" OR root STREQUAL "$ENV{LibTorch_ROOT}")
      set(_libtorch_root_given "${root}")
      break() # what the user names is what is taken
    endif()
  endif()
endforeach()
if(NOT _libtorch_root_given)
  find_program(_libtorch_python NAMES python3)
  if(_libtorch_python)
    execute_process(
      COMMAND "${_libtorch_python}" -c
              "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE _libtorch_site OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(_libtorch_site)
      list(APPEND _libtorch_candidates "${_libtorch_site}")
    endif()
  endif()
endif()

find_path(LibTorch_INCLUDE_DIR NAMES torch/csrc/api/include/torch/torch.h PATHS ${_libtorch_candidates}
          PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY NAMES torch_cpu PATHS ${_libtorch_candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY NAMES c10 PATHS ${_libtorch_candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH)
set(_libtorch_required LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR)
if(AUTOSAMPLING_CUDA)
  find_library(LibTorch_CUDA_LIBRARY NAMES torch_cuda PATHS ${_libtorch_candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH)
  find_library(LibTorch_C10_CUDA_LIBRARY NAMES c10_cuda PATHS ${_libtorch_candidates} PATH_SUFFIXES lib NO_DEFAULT_PATH)
  list(APPEND _libtorch_required LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY)
endif()

if(LibTorch_INCLUDE_DIR AND EXISTS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
  set(_libtorch_version_file "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
elseif(LibTorch_INCLUDE_DIR)
  set(_libtorch_version_file "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h")
endif()
if(_libtorch_version_file AND EXISTS "${_libtorch_version_file}")
  file(STRINGS "${_libtorch_version_file}" _libtorch_lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE ".*MAJOR ([0-9]+).*MINOR ([0-9]+).*PATCH ([0-9]+).*" "\\1.\\2.\\3" LibTorch_VERSION
                       "${_libtorch_lines}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS ${_libtorch_required}
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "give its folder by -DLibTorch_ROOT=DIR, or let jobs/quickstart.sh make .venv")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  get_filename_component(LibTorch_LIBRARY_DIRS "${LibTorch_CPU_LIBRARY}" DIRECTORY)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  set_target_properties(
    LibTorch::LibTorch
    PROPERTIES INTERFACE_INCLUDE_DIRECTORIES
               "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  set(_libtorch_libraries "${LibTorch_CPU_LIBRARY}" "${LibTorch_C10_LIBRARY}")
  if(AUTOSAMPLING_CUDA)
    # libtorch_cuda registers its operators from static initialisers: it must stay linked though no symbol is used.
    list(APPEND _libtorch_libraries "-Wl,--no-as-needed" "${LibTorch_CUDA_LIBRARY}" "${LibTorch_C10_CUDA_LIBRARY}"
         "-Wl,--as-needed")
    get_filename_component(_libtorch_nvidia "${LibTorch_LIBRARY_DIRS}/../../nvidia" ABSOLUTE)
    find_path(LibTorch_CUDA_INCLUDE_DIR NAMES cuda_runtime_api.h PATHS "${_libtorch_nvidia}/cu13/include"
              NO_DEFAULT_PATH)
    if(NOT LibTorch_CUDA_INCLUDE_DIR)
      find_path(LibTorch_CUDA_INCLUDE_DIR NAMES cuda_runtime_api.h PATHS /usr/local/cuda/include)
    endif()
    if(LibTorch_CUDA_INCLUDE_DIR)
      set_property(TARGET LibTorch::LibTorch APPEND PROPERTY INTERFACE_INCLUDE_DIRECTORIES
                                                             "${LibTorch_CUDA_INCLUDE_DIR}")
    endif()
  endif()
  set_property(TARGET LibTorch::LibTorch PROPERTY INTERFACE_LINK_LIBRARIES "${_libtorch_libraries}")
  # libtorch_cpu of a CUDA wheel needs cudart and cupti; their folders come from its own RPATH.
  set_property(TARGET LibTorch::LibTorch PROPERTY INTERFACE_LINK_OPTIONS "-Wl,--allow-shlib-undefined"
                                                  "-Wl,-rpath,${LibTorch_LIBRARY_DIRS}")
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_CUDA_LIBRARY
                 LibTorch_C10_CUDA_LIBRARY LibTorch_CUDA_INCLUDE_DIR)
