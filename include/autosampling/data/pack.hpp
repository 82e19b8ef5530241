// A tree of image files to one packed file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace autosampling {

struct PackOptions {
    std::filesystem::path tree;      // a folder a class
    std::filesystem::path test_tree; // likewise, of the same classes; empty: none
    std::filesystem::path file;      // to write
    int threads = 0;                 // 0: one a core
    bool skip_unreadable = false;    // leaves out images that can't be decoded; otherwise they are an error
    int short_side = 0; // pixels, to which the lesser of a larger image's height and width is resized; 0: as is
    bool raw = false;   // decoded, as PPM
};

struct PackResult {
    std::uint64_t images = 0;
    std::uint64_t skipped = 0; // unreadable ones
    std::uint64_t bytes = 0;
    std::size_t classes = 0;
};

// Reads and decodes every image and writes them to the file, which has its name only when it is whole. `say` is called
// now and then with a line of progress, and with what was left out; `is_stopped` often, by any thread, and when it says
// so nothing is left. Throws Error(data) that lists unreadable images, Error(failure) where the file can't be written,
// or where it was stopped.
PackResult pack_images(const PackOptions& options, const std::function<void(const std::string&)>& say,
                       const std::function<bool()>& is_stopped = {});

} // namespace autosampling
