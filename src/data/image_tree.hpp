// The images of a tree with a folder a class.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace autosampling::detail {

struct ImageFile {
    std::filesystem::path path; // from the tree's root
    std::int32_t label = 0;
    std::uint64_t bytes = 0;
};

struct ImageTree {
    std::vector<std::string> classes;
    std::vector<ImageFile> files; // class by class, by name
};

// All files in the class folders and below. Names are in the order of the alphabet, numbers in them by value: "10" goes
// after "9". Hidden files and folders, and files beside the class folders, are left out and said. `classes`: those that
// may be there; empty: any two or more. Throws Error(data).
ImageTree list_images(const std::filesystem::path& root, const std::vector<std::string>& classes,
                      const std::function<void(const std::string&)>& say);

// Whether a path is the folder or leads into it, links followed.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder);

// Whether one name goes before another.
bool natural_less(const std::string& a, const std::string& b);

} // namespace autosampling::detail
