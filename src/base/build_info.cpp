// The one file that a new commit recompiles: git_version.hpp is made at build time by cmake/GitVersion.cmake.
#include "autosampling/base/build_info.hpp"

#include "git_version.hpp"

namespace autosampling {

BuildInfo build_info() {
    return {.version = AUTOSAMPLING_VERSION,
            .git_hash = AUTOSAMPLING_GIT_HASH,
            .git_dirty = AUTOSAMPLING_GIT_DIRTY,
            .build_type = AUTOSAMPLING_BUILD_TYPE,
            .compiler = AUTOSAMPLING_COMPILER,
            .cuda = AUTOSAMPLING_CUDA};
}

} // namespace autosampling
