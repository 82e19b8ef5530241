#include "autosampling/base/error_words.hpp"

#include <filesystem>
#include <new>

namespace autosampling {

std::string words_of(const std::exception& error) {
    if (const auto* of_file = dynamic_cast<const std::filesystem::filesystem_error*>(&error);
        of_file && !of_file->path1().empty())
        return "cannot use " + of_file->path1().string() + " (" + of_file->code().message() +
               "): check the path and its permissions";
    std::string words = error.what();
    while (!words.empty() && words.back() == '\n') words.pop_back();
    const bool short_of_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                                 words.find("can't allocate memory") != std::string::npos; // LibTorch's
    if (!short_of_memory) return words;
    return "no memory (" + words +
           "): take fewer ranks a node or members a rank, a smaller training.batch_size, or a node with more memory";
}

} // namespace autosampling
