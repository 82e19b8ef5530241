#include "autosampling/base/hdf5_handle.hpp"

#include <string_view>

namespace autosampling {

std::string hdf5_words() {
    std::string words;
    const auto first = [](unsigned depth, const H5E_error2_t* error, void* out) -> herr_t {
        if (depth == 0 && error->desc) *static_cast<std::string*>(out) = error->desc;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first, &words);
    constexpr std::string_view system = "error message = '";
    if (const auto at = words.find(system); at != std::string::npos) {
        const auto begin = at + system.size();
        return words.substr(begin, words.find('\'', begin) - begin);
    }
    return words.empty() ? "no reason given" : words;
}

void start_hdf5() {
    [[maybe_unused]] static const herr_t left_alone = H5dont_atexit();
}

Hdf5Properties hdf5_file_access() {
    start_hdf5();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); // failures are told by exceptions
    Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_SEMI);
#if H5_VERSION_GE(1, 10, 7)
    // A file being written has a name of its own and a finished one never changes, so that no lock is needed; some
    // parallel file systems have none.
    H5Pset_file_locking(access.get(), false, true);
#endif
    return access;
}

} // namespace autosampling
